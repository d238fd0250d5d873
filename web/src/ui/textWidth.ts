const MOST = 2_000;
const known = new Map<string, number>();
let context: CanvasRenderingContext2D | null | undefined;

/** How wide a line of text is in a font (as CSS says it), in px; what letters of its script the font lacks come from
 * those that the browser takes instead. */
export function textWidth(text: string, font: string): number {
  const name = `${font} ${text}`;
  const before = known.get(name);
  if (before !== undefined) return before;
  if (context === undefined) {
    context = document.createElement("canvas").getContext("2d");
    document.fonts.addEventListener("loadingdone", () => known.clear()); // until then others stood in for them
  }
  if (!context) return text.length * 8;
  context.font = font;
  const width = context.measureText(text).width;
  if (known.size >= MOST) known.clear();
  known.set(name, width);
  return width;
}
