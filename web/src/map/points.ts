import type { MapPoints } from "../api/columns";
import type { Bounds } from "./polygon";

/** The positions of all items, by item id, in the map before (A) and the map now (B).
 *
 * Everything that is drawn lies at A + t (B - A); ids are in random priority order, so the first k ids
 * are a fair sample at any k.
 */
export class PointStore {
  /** x, y by item id. */
  a: Float32Array = new Float32Array(0);
  b: Float32Array = new Float32Array(0);
  aspect: Float32Array = new Float32Array(0);
  /** 1 where the item is on the map now. */
  present: Uint8Array = new Uint8Array(0);
  /** 1 where the item was not on the map before: it fades in at its place. */
  fresh: Uint8Array = new Uint8Array(0);
  /** The ids on the map, ascending. */
  ids: Uint32Array = new Uint32Array(0);
  /** The largest id plus one: the length of every array by item id. */
  size = 0;
  /** How far the move from A to B has come, 0 to 1, already eased. */
  t = 1;
  bounds: Bounds = { x0: 0, y0: 0, x1: 1, y1: 1 };
  /** Grows with every map, also one of the same items: spread apart, they lie elsewhere. */
  turn = 0;

  /** Take a new map: items move from where they are now on the screen. */
  set(points: MapPoints): void {
    const { ids, x, y } = points;
    const n = ids.length;
    this.grow(n === 0 ? 0 : ids[n - 1]! + 1);
    this.settle();
    const before = this.present.slice();
    this.present.fill(0);
    this.fresh.fill(0);
    for (let i = 0; i < n; i += 1) {
      const id = ids[i]!;
      this.b[2 * id] = x[i]!;
      this.b[2 * id + 1] = y[i]!;
      this.aspect[id] = points.aspect[i]!;
      this.present[id] = 1;
      if (before[id]) continue;
      this.fresh[id] = 1;
      this.a[2 * id] = x[i]!;
      this.a[2 * id + 1] = y[i]!;
    }
    this.ids = ids;
    this.turn += 1;
    this.t = 0;
    this.bounds = boundsOf(x, y);
  }

  /** Where the item is drawn now. */
  x(id: number): number {
    const from = this.a[2 * id]!;
    const to = this.b[2 * id]!;
    return this.t === 1 ? to : from + (to - from) * this.t;
  }

  y(id: number): number {
    const from = this.a[2 * id + 1]!;
    const to = this.b[2 * id + 1]!;
    return this.t === 1 ? to : from + (to - from) * this.t;
  }

  has(id: number): boolean {
    return this.present[id] === 1;
  }

  /** Make the places of this moment the start of the next move. */
  private settle(): void {
    const t = this.t;
    if (t === 1) return this.a.set(this.b);
    for (let i = 0; i < this.a.length; i += 1) {
      const from = this.a[i]!;
      this.a[i] = from + (this.b[i]! - from) * t;
    }
  }

  private grow(size: number): void {
    this.size = Math.max(size, this.size);
    if (this.size <= this.present.length) return;
    const capacity = Math.max(1024, this.present.length * 2, this.size);
    this.a = enlarge(this.a, capacity * 2);
    this.b = enlarge(this.b, capacity * 2);
    this.aspect = enlarge(this.aspect, capacity);
    const present = new Uint8Array(capacity);
    present.set(this.present);
    this.present = present;
    this.fresh = new Uint8Array(capacity);
  }
}

function enlarge(array: Float32Array, length: number): Float32Array {
  const larger = new Float32Array(length);
  larger.set(array);
  return larger;
}

export function boundsOf(x: Float32Array, y: Float32Array): Bounds {
  if (x.length === 0) return { x0: 0, y0: 0, x1: 1, y1: 1 };
  const box = { x0: Infinity, y0: Infinity, x1: -Infinity, y1: -Infinity };
  for (let i = 0; i < x.length; i += 1) {
    if (x[i]! < box.x0) box.x0 = x[i]!;
    if (x[i]! > box.x1) box.x1 = x[i]!;
    if (y[i]! < box.y0) box.y0 = y[i]!;
    if (y[i]! > box.y1) box.y1 = y[i]!;
  }
  return box;
}
