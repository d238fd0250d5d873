export type Rgb = readonly [r: number, g: number, b: number];

/** The first 48 classes' colours: each chosen farthest (in OKLab) from all before it, as seen by normal, protan and
 * deutan eyes; all bright enough for thin rings around pictures. */
const FIRST = [
  "#4cc2ff", "#ffb020", "#ff5c8a", "#52d68a", "#b48cff", "#ffe45c", "#7cf4f4", "#34a028",
  "#c44cc4", "#28acac", "#7c70f4", "#c4e8ac", "#f46440", "#70d0c4", "#dc88d0", "#58a070",
  "#dca04c", "#c470dc", "#b8dc70", "#88d0f4", "#dc4094", "#34c4ac", "#4ce8d0", "#94dcac",
  "#dc1ce8", "#f4d01c", "#d07c64", "#94b870", "#5894ac", "#c4c464", "#ac7058", "#f44c94",
  "#f44010", "#10b8dc", "#9464dc", "#d0a094", "#a0dcf4", "#7cc4dc", "#ac7cf4", "#88d01c",
  "#64f4d0", "#d064c4", "#f4b894", "#b894b8", "#88d0ac", "#d094e8", "#dc347c", "#88f488",
] as const;

/** The colour of a class by its id. */
export function classColour(id: number): Rgb {
  const first = FIRST[id];
  if (first) return parse(first);
  // Past these the golden angle keeps every next hue far from those before; three lightnesses tell near hues apart.
  const hue = (id * 137.508) % 360;
  return fromHsl(hue, 0.62, [0.72, 0.56, 0.82][id % 3]!);
}

/** The colours of the first classes, row by row: red, green, blue. */
export function classTable(classes: number, colourOf: (id: number) => Rgb = classColour): Uint8Array {
  const table = new Uint8Array(3 * classes);
  for (let id = 0; id < classes; id += 1) table.set(colourOf(id), 3 * id);
  return table;
}

export function css([r, g, b]: Rgb): string {
  return `rgb(${r} ${g} ${b})`;
}

/** A colour as 0xRRGGBB. */
export function numbered([r, g, b]: Rgb): number {
  return (r << 16) | (g << 8) | b;
}

export function parse(text: string): Rgb {
  const value = Number.parseInt(text.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

function fromHsl(hue: number, saturation: number, lightness: number): Rgb {
  const reach = saturation * Math.min(lightness, 1 - lightness);
  const channel = (n: number): number => {
    const k = (n + hue / 30) % 12;
    return Math.round(255 * (lightness - reach * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

/** What the map is painted with, besides the classes' colours. */
export interface Theme {
  background: Rgb;
  dot: Rgb;
  ring: Rgb;
}

/** The colour of a selected item's dot without a label: most of the way from the others' to the selection's ring, so
 * that it stands out from the ground, be that dark or light. */
export function chosenDot({ dot, ring }: Theme): Rgb {
  const mix = (k: 0 | 1 | 2): number => Math.round(dot[k] + (ring[k] - dot[k]) * 0.75);
  return [mix(0), mix(1), mix(2)];
}

export const DARK: Theme = { background: parse("#0d1014"), dot: parse("#8a97a8"), ring: [255, 255, 255] };
export const LIGHT: Theme = { background: parse("#eaedf0"), dot: parse("#7b8794"), ring: parse("#14181d") };
