import type { Rgb } from "./palette";
import type { PointStore } from "./points";
import { FILTERED, FRESH, LABELLED, SELECTED, PRESENT } from "./renderer";

/** Ids drawn between two looks at the clock. */
const STEP = 8_192;

/** What the dots of a picture depend on, in device px. */
export interface DotView {
  width: number;
  height: number;
  /** Px per map unit, and the middle of the view in map units. */
  scale: number;
  cx: number;
  cy: number;
  t: number;
  diameter: number;
  dim: boolean;
  dot: Rgb;
  background: Rgb;
}

/** A dot of whole px: how much of each px of a square it covers, 0 to 256. */
interface Stamp {
  side: number;
  cover: Uint16Array;
  /** Added before rounding down, so that the square lies around the place. */
  shift: number;
}

/** A part of the picture: px from x0 up to but not including x1, likewise y. */
interface Part {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}
const NOTHING: Part = { x0: 0, y0: 0, x1: 0, y1: 0 };

/** The dots of the map, drawn by the processor into an array of px.
 *
 * A graphics interface without a graphics processor takes about 2 us for a dot, whatever its size; these loops
 * take about 0.02. Dots come in the order of their ids, a slice per frame; a view that only shifts keeps what it
 * has and draws what comes into sight.
 */
export class DotPicture {
  /** Red, green, blue, 255, as little-endian words, row by row. */
  pixels: Uint32Array = new Uint32Array(0);
  private view: DotView | null = null;
  private originX = 0;
  private originY = 0;
  /** The first id that is not drawn yet. */
  private next = 0;
  private points: PointStore | null = null;
  private words: Uint32Array = new Uint32Array(0);
  private paint: Paint | null = null;

  /** Take the positions and styles; what was drawn of the ones before is forgotten. */
  take(points: PointStore | null, words: Uint32Array): void {
    this.points = points;
    this.words = words;
    this.view = null;
  }

  /** Make ready for a view: keep the picture, shift it, or begin anew. */
  aim(view: DotView): void {
    const before = this.view;
    const dx = Math.round(view.width / 2 - view.cx * view.scale) - this.originX;
    const dy = Math.round(view.height / 2 - view.cy * view.scale) - this.originY;
    this.view = view;
    this.originX += dx;
    this.originY += dy;
    const shifts = before !== null && Math.abs(dx) < view.width && Math.abs(dy) < view.height;
    if (!shifts || !alike(before, view)) return this.begin(view);
    if (dx !== 0 || dy !== 0) this.shift(view, dx, dy);
  }

  /** Draw on for about so many milliseconds; return whether every dot is drawn. */
  advance(ms: number): boolean {
    const size = this.points?.size ?? 0;
    const end = performance.now() + ms;
    while (this.next < size) {
      const to = Math.min(size, this.next + STEP);
      this.draw(this.next, to, NOTHING);
      this.next = to;
      if (performance.now() >= end) break;
    }
    return this.next >= size;
  }

  private begin(view: DotView): void {
    const { width, height } = view;
    if (this.pixels.length !== width * height) this.pixels = new Uint32Array(width * height);
    this.pixels.fill(opaque(view.background));
    this.paint = makePaint(view);
    this.next = 0;
  }

  /** Move what is drawn by whole px, and draw what has come into sight. */
  private shift(view: DotView, dx: number, dy: number): void {
    const { pixels } = this;
    const { width, height } = view;
    const by = dy * width + dx;
    if (by > 0) pixels.copyWithin(by, 0, pixels.length - by);
    else pixels.copyWithin(0, -by);
    const kept = {
      x0: Math.max(0, dx),
      y0: Math.max(0, dy),
      x1: width + Math.min(0, dx),
      y1: height + Math.min(0, dy),
    };
    const background = opaque(view.background);
    pixels.fill(background, 0, kept.y0 * width);
    pixels.fill(background, kept.y1 * width);
    for (let y = kept.y0; y < kept.y1; y += 1) {
      pixels.fill(background, y * width, y * width + kept.x0);
      pixels.fill(background, y * width + kept.x1, (y + 1) * width);
    }
    this.draw(0, this.next, kept);
  }

  /** Draw these ids, except onto the px of `done`. */
  private draw(from: number, to: number, done: Part): void {
    const { points, words, pixels, view, paint, originX, originY } = this;
    if (!points || !view || !paint) return;
    const { a, b } = points;
    const { width, height, scale, t } = view;
    const { strengths, plain, dims, small, large, dot } = paint;
    const halfDot = (dot >>> 1) & 0x7f7f7f;
    for (let id = from; id < to; id += 1) {
      const word = words[id]!;
      const bits = word >>> 24;
      const strength = strengths[bits]!;
      if (strength === 0) continue;
      let x = b[2 * id]!;
      let y = b[2 * id + 1]!;
      if (t !== 1) {
        x = a[2 * id]! + (x - a[2 * id]!) * t;
        y = a[2 * id + 1]! + (y - a[2 * id + 1]!) * t;
      }
      const stamp = (bits & SELECTED) !== 0 ? large : small;
      const { side } = stamp;
      const left = Math.floor(x * scale + stamp.shift) + originX;
      const top = Math.floor(y * scale + stamp.shift) + originY;
      if (!(left < width && top < height && left + side > 0 && top + side > 0)) continue;
      if (left >= done.x0 && top >= done.y0 && left + side <= done.x1 && top + side <= done.y1) continue;
      let colour = plain[bits]!;
      if ((bits & LABELLED) !== 0) colour = dims[bits] === 1 ? ((word >>> 1) & 0x7f7f7f) + halfDot : word;
      const clear = left >= 0 && top >= 0 && left + side <= width && top + side <= height;
      const apart = left >= done.x1 || top >= done.y1 || left + side <= done.x0 || top + side <= done.y0;
      if (clear && apart) stampWhole(pixels, top * width + left, width, stamp, colour, strength);
      else stampParts(pixels, left, top, width, height, stamp, colour, strength, done);
    }
  }
}

/** What the bits of a style mean for a dot: how opaque it is (0 to 256), its colour without a label, whether it is
 * dimmed; and the two sizes. */
interface Paint {
  strengths: Uint16Array;
  plain: Uint32Array;
  dims: Uint8Array;
  small: Stamp;
  large: Stamp;
  dot: number;
}

function makePaint(view: DotView): Paint {
  const dot = opaque(view.dot);
  const chosen = opaque(view.dot.map((c) => Math.round(c + (255 - c) * 0.75)) as unknown as Rgb);
  const paint: Paint = {
    strengths: new Uint16Array(256),
    plain: new Uint32Array(256),
    dims: new Uint8Array(256),
    small: makeStamp(view.diameter),
    large: makeStamp(view.diameter * 1.35),
    dot,
  };
  for (let bits = 0; bits < 256; bits += 1) {
    const selected = (bits & SELECTED) !== 0;
    const dimmed = (view.dim && !selected) || (bits & FILTERED) !== 0;
    const opacity = selected ? 1 : bits & LABELLED ? 0.95 : 0.62;
    const seen = (bits & PRESENT ? opacity : 0) * (dimmed ? 0.32 : 1) * (bits & FRESH ? view.t : 1);
    paint.strengths[bits] = Math.round(256 * seen);
    paint.dims[bits] = dimmed ? 1 : 0;
    paint.plain[bits] = selected ? chosen : dot;
  }
  return paint;
}

function makeStamp(diameter: number): Stamp {
  const side = Math.max(1, Math.ceil(diameter - 0.25));
  const cover = new Uint16Array(side * side);
  for (let y = 0; y < side; y += 1)
    for (let x = 0; x < side; x += 1) {
      const distance = Math.hypot(x + 0.5 - side / 2, y + 0.5 - side / 2);
      cover[y * side + x] = Math.round(256 * Math.min(1, Math.max(0, diameter / 2 - distance + 0.5)));
    }
  return { side, cover, shift: 0.5 - side / 2 };
}

/** Blend a colour into one px. Red and blue are blended together: their products do not meet. */
function blend(pixels: Uint32Array, at: number, colour: number, alpha: number): void {
  const below = pixels[at]!;
  const rest = 256 - alpha;
  const redBlue = (Math.imul(below & 0xff00ff, rest) + Math.imul(colour & 0xff00ff, alpha)) >>> 8;
  const green = Math.imul((below >>> 8) & 0xff, rest) + Math.imul((colour >>> 8) & 0xff, alpha);
  pixels[at] = 0xff000000 | (redBlue & 0xff00ff) | (green & 0xff00);
}

function stampWhole(
  pixels: Uint32Array,
  at: number,
  width: number,
  { side, cover }: Stamp,
  colour: number,
  strength: number,
): void {
  for (let y = 0, k = 0; y < side; y += 1) {
    const row = at + y * width;
    for (let x = 0; x < side; x += 1, k += 1) {
      const alpha = (cover[k]! * strength) >> 8;
      if (alpha > 0) blend(pixels, row + x, colour, alpha);
    }
  }
}

/** The same at an edge of the picture or of the part that is done. */
function stampParts(
  pixels: Uint32Array,
  left: number,
  top: number,
  width: number,
  height: number,
  { side, cover }: Stamp,
  colour: number,
  strength: number,
  done: Part,
): void {
  for (let k = 0; k < side * side; k += 1) {
    const x = left + (k % side);
    const y = top + Math.floor(k / side);
    if (x < 0 || y < 0 || x >= width || y >= height) continue;
    if (x >= done.x0 && x < done.x1 && y >= done.y0 && y < done.y1) continue;
    const alpha = (cover[k]! * strength) >> 8;
    if (alpha > 0) blend(pixels, y * width + x, colour, alpha);
  }
}

/** Whether the dots of two views differ by a shift at most. */
function alike(a: DotView, b: DotView): boolean {
  const same = a.width === b.width && a.height === b.height && a.scale === b.scale && a.t === b.t;
  return same && a.diameter === b.diameter && a.dim === b.dim && a.dot === b.dot && a.background === b.background;
}

/** A colour as a px: little-endian red, green, blue, 255. */
export function opaque([r, g, b]: Rgb): number {
  return (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
}
