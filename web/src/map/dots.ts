import type { Rgb } from "./palette";
import type { PointStore } from "./points";
import type { Bounds } from "./polygon";
import { FILTERED, FRESH, LABELLED, SELECTED, PRESENT } from "./renderer";

/** Ids drawn between two looks at the clock. */
const STEP = 8_192;
/** So many ids are looked through at once; of more, those near what comes into sight are asked for. */
const FEW = 50_000;

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
  /** A selected dot without a label. */
  chosen: Rgb;
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

/** The ids near a box of the map, ascending; null where they are not known, or more than `most`. */
export type Around = (box: Bounds, most: number) => Uint32Array | null;

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

  /** Make ready for a view: keep the picture, shift it, or begin anew. `around` finds items where they go (t = 1). */
  aim(view: DotView, around: Around = () => null): void {
    const before = this.view;
    const dx = Math.round(view.width / 2 - view.cx * view.scale) - this.originX;
    const dy = Math.round(view.height / 2 - view.cy * view.scale) - this.originY;
    this.view = view;
    this.originX += dx;
    this.originY += dy;
    const shifts = before !== null && Math.abs(dx) < view.width && Math.abs(dy) < view.height;
    if (!shifts || !alike(before, view)) return this.begin(view);
    if (dx === 0 && dy === 0) return;
    const parts = uncovered(view, dx, dy);
    const known = parts.map((part) => this.idsFor(part, view, around));
    if (known.includes(null)) return this.begin(view); // a sample of everything is sooner there than all of a part
    this.shift(view, dx, dy);
    parts.forEach((part, i) => this.draw(known[i] ?? null, 0, this.next, part));
  }

  /** The ids to look through for a part; none of them: all that are drawn; null: too many for a frame. */
  private idsFor(part: Part, view: DotView, around: Around): Uint32Array | undefined | null {
    if (this.next <= FEW) return undefined;
    if (view.t !== 1) return null;
    const reach = (this.paint?.large.side ?? 0) + 1;
    const across = (px: number): number => (px - this.originX) / view.scale;
    const down = (px: number): number => (px - this.originY) / view.scale;
    const box = { x0: across(part.x0 - reach), y0: down(part.y0 - reach), x1: across(part.x1 + reach), y1: down(part.y1 + reach) };
    return around(box, FEW);
  }

  /** Draw on for about so many milliseconds; return whether every dot is drawn. */
  advance(ms: number): boolean {
    const size = this.points?.size ?? 0;
    const end = performance.now() + ms;
    const whole = { x0: 0, y0: 0, x1: this.view?.width ?? 0, y1: this.view?.height ?? 0 };
    while (this.next < size) {
      const to = Math.min(size, this.next + STEP);
      this.draw(null, this.next, to, whole);
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

  /** Move what is drawn by whole px, and empty what has come into sight. */
  private shift(view: DotView, dx: number, dy: number): void {
    const { pixels } = this;
    const by = dy * view.width + dx;
    if (by > 0) pixels.copyWithin(by, 0, pixels.length - by);
    else pixels.copyWithin(0, -by);
    const background = opaque(view.background);
    for (const { x0, y0, x1, y1 } of uncovered(view, dx, dy))
      for (let y = y0; y < y1; y += 1) pixels.fill(background, y * view.width + x0, y * view.width + x1);
  }

  /** Draw `ids` (null: every id) from `from` up to but not including `to`, onto the px of a part. */
  private draw(ids: Uint32Array | null, from: number, to: number, part: Part): void {
    const { points, words, pixels, view, paint, originX, originY } = this;
    if (!points || !view || !paint) return;
    const { a, b } = points;
    const { width, scale, t } = view;
    const { x0, y0, x1, y1 } = part;
    const end = ids ? ids.length : to;
    const { strengths, plain, dims, small, large, dot } = paint;
    const halfDot = (dot >>> 1) & 0x7f7f7f;
    for (let k = ids ? 0 : from; k < end; k += 1) {
      const id = ids ? ids[k]! : k;
      if (id >= to) break; // ids ascend
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
      if (!(left < x1 && top < y1 && left + side > x0 && top + side > y0)) continue;
      let colour = plain[bits]!;
      if ((bits & LABELLED) !== 0) colour = dims[bits] === 1 ? ((word >>> 1) & 0x7f7f7f) + halfDot : word;
      const inside = left >= x0 && top >= y0 && left + side <= x1 && top + side <= y1;
      if (inside) stampWhole(pixels, top * width + left, width, stamp, colour, strength);
      else stampPart(pixels, left, top, width, stamp, colour, strength, part);
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
  const chosen = opaque(view.chosen);
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

/** The same at an edge of a part. */
function stampPart(
  pixels: Uint32Array,
  left: number,
  top: number,
  width: number,
  { side, cover }: Stamp,
  colour: number,
  strength: number,
  part: Part,
): void {
  for (let k = 0; k < side * side; k += 1) {
    const x = left + (k % side);
    const y = top + Math.floor(k / side);
    if (x < part.x0 || y < part.y0 || x >= part.x1 || y >= part.y1) continue;
    const alpha = (cover[k]! * strength) >> 8;
    if (alpha > 0) blend(pixels, y * width + x, colour, alpha);
  }
}

/** What comes into sight when the picture shifts: a band of whole rows, and one beside what stays. */
function uncovered({ width, height }: DotView, dx: number, dy: number): Part[] {
  const [top, bottom] = [Math.max(0, dy), height + Math.min(0, dy)];
  return [
    { x0: 0, y0: dy > 0 ? 0 : bottom, x1: width, y1: dy > 0 ? top : height },
    { x0: dx > 0 ? 0 : width + dx, y0: top, x1: dx > 0 ? dx : width, y1: bottom },
  ].filter(({ x0, y0, x1, y1 }) => x0 < x1 && y0 < y1);
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
