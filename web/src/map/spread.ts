import type { MapPoints } from "../api/columns";
import type { Bounds } from "./polygon";
import { boundsOf } from "./points";

/** Cells per item: what is left over keeps gaps between groups. */
const ROOM = 1.6;
/** Parts of at most so many items are divided between two looks at the clock. */
const STEP = 16_384;

/** A part of the grid and the items that go there: cells x0 up to but not x1, likewise y; places from up to but not to. */
interface Part {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
  from: number;
  to: number;
}

/** Gives every item of a map a cell of a square grid to itself, near where it lies.
 *
 * The grid is halved again and again. At each cut an item stays on its own side as long as there is room; only the
 * nearest to the cut give way. So groups widen where they are dense, gaps close last, and neighbours stay
 * neighbours. N items take O(N log N), in slices.
 */
export class Spreading {
  /** The side of a cell in map units. */
  readonly cell: number;
  private readonly box: Bounds;
  private readonly order: Uint32Array;
  private readonly keys: Float32Array;
  private readonly x: Float32Array;
  private readonly y: Float32Array;
  private readonly waiting: Part[];

  constructor(private readonly points: MapPoints) {
    const n = points.ids.length;
    const side = Math.max(1, Math.ceil(Math.sqrt(ROOM * n)));
    this.box = squareAround(boundsOf(points.x, points.y));
    this.cell = (this.box.x1 - this.box.x0) / side;
    this.order = Uint32Array.from(points.ids, (_, place) => place);
    this.keys = new Float32Array(n);
    this.x = new Float32Array(n);
    this.y = new Float32Array(n);
    this.waiting = [{ x0: 0, y0: 0, x1: side, y1: side, from: 0, to: n }];
  }

  /** Divide on, one step or for about so many milliseconds; return whether every item has its cell. */
  advance(ms: number): boolean {
    const end = performance.now() + ms;
    let divided = 0;
    for (let part = this.waiting.pop(); part; part = this.waiting.pop()) {
      this.divide(part);
      divided += part.to - part.from;
      if (divided < STEP) continue;
      divided = 0;
      if (performance.now() >= end) break;
    }
    return this.waiting.length === 0;
  }

  /** The map with every item in the middle of its cell. */
  spread(): MapPoints {
    const { ids, aspect } = this.points;
    return { ids, aspect, x: this.x, y: this.y };
  }

  private divide({ x0, y0, x1, y1, from, to }: Part): void {
    if (from === to) return;
    if (x1 - x0 === 1 && y1 - y0 === 1) {
      const item = this.order[from]!;
      this.x[item] = this.box.x0 + (x0 + 0.5) * this.cell;
      this.y[item] = this.box.y0 + (y0 + 0.5) * this.cell;
      return;
    }
    const wide = x1 - x0 >= y1 - y0;
    const cut = wide ? (x0 + x1) >> 1 : (y0 + y1) >> 1;
    const before = wide ? (cut - x0) * (y1 - y0) : (x1 - x0) * (cut - y0);
    const after = (x1 - x0) * (y1 - y0) - before;
    const at = this.cut(from, to, wide, cut, before, after);
    this.waiting.push(
      wide ? { x0, y0, x1: cut, y1, from, to: at } : { x0, y0, x1, y1: cut, from, to: at },
      wide ? { x0: cut, y0, x1, y1, from: at, to } : { x0, y0: cut, x1, y1, from: at, to },
    );
  }

  /** Put the items that go before the cut first, at most `before` of them, and at most `after` behind; return where
   * the second begin. */
  private cut(from: number, to: number, wide: boolean, cut: number, before: number, after: number): number {
    const { order, keys } = this;
    const [places, low] = wide ? [this.points.x, this.box.x0] : [this.points.y, this.box.y0];
    const line = low + cut * this.cell;
    let own = 0;
    for (let k = from; k < to; k += 1) {
      keys[k] = places[order[k]!]!;
      if (keys[k]! < line) own += 1;
    }
    const first = from + Math.max(to - from - after, Math.min(before, own));
    if (first > from && first < to) selectFirst(order, keys, from, to - 1, first);
    return first;
  }
}

/** Reorder both arrays from `low` to `high` so that none before `nth` has a larger key than any from there on (Hoare's
 * selection: equal keys are swapped too, so that many of them do not make it slow). */
export function selectFirst(order: Uint32Array, keys: Float32Array, low: number, high: number, nth: number): void {
  while (low < high) {
    const pivot = keys[(low + high) >> 1]!;
    let [i, j] = [low, high];
    while (i <= j) {
      while (keys[i]! < pivot) i += 1;
      while (keys[j]! > pivot) j -= 1;
      if (i > j) break;
      [order[i], order[j]] = [order[j]!, order[i]!];
      [keys[i], keys[j]] = [keys[j]!, keys[i]!];
      i += 1;
      j -= 1;
    }
    if (nth <= j) high = j;
    else if (nth >= i) low = i;
    else return;
  }
}

/** The smallest square around the middle of a box that holds it, and is large enough for 32-bit places within. */
function squareAround({ x0, y0, x1, y1 }: Bounds): Bounds {
  const half = Math.max(x1 - x0, y1 - y0, 1e-3) / 2;
  const [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
  return { x0: x - half, y0: y - half, x1: x + half, y1: y + half };
}
