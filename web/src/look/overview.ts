/** The most items that the overview draws: ids lie in a shuffled order, so that the first are a fair sample. */
export const MOST = 40_000;

/** Ids looked at between two looks at the clock. */
const STEP = 16_384;

/** Goes through what is selected, in slices: the first ids of it, which are a fair sample where it is large, and all
 * of it where it is small. */
export class SelectedDots {
  private next = 0;
  private drawn = 0;

  /** `members` is 1 by item id where it is selected; `draw` is called for those that are `onMap`, `most` at most. */
  constructor(
    private readonly members: Uint8Array,
    private readonly onMap: (id: number) => boolean,
    private readonly draw: (id: number) => void,
    private readonly most = MOST,
  ) {}

  /** Go on, one step or for about so many milliseconds; return whether all are drawn. */
  advance(ms: number): boolean {
    const end = performance.now() + ms;
    const n = this.members.length;
    while (this.next < n && this.drawn < this.most) {
      this.drawSome(Math.min(n, this.next + STEP));
      if (performance.now() >= end) break;
    }
    return this.next >= n || this.drawn >= this.most;
  }

  private drawSome(to: number): void {
    for (; this.next < to && this.drawn < this.most; this.next += 1) {
      if (this.members[this.next] !== 1 || !this.onMap(this.next)) continue;
      this.draw(this.next);
      this.drawn += 1;
    }
  }
}

/** Pixels of a square picture that dots are put into. */
export class Dots {
  readonly image: ImageData;
  private readonly pixels: Uint32Array;

  /** `side` px of picture; `width` px of dot. */
  constructor(
    context: CanvasRenderingContext2D,
    private readonly side: number,
    private readonly width: number,
  ) {
    this.image = context.createImageData(side, side);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  /** Put a dot around a place, in px. */
  put(x: number, y: number, colour: number): void {
    const { side, width } = this;
    const left = Math.round(x - width / 2);
    const top = Math.round(y - width / 2);
    for (let row = top; row < top + width; row += 1) this.pixels.fill(colour, row * side + left, row * side + left + width);
  }
}
