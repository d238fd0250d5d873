import type { Bounds } from "./polygon";

/** The squared distance of a point from the segment a-b, in float64; the server computes the same in the same order. */
export function fromSegment(px: number, py: number, ax: number, ay: number, bx: number, by: number): number {
  const dx = bx - ax;
  const dy = by - ay;
  const length = dx * dx + dy * dy;
  const t = length > 0 ? Math.min(1, Math.max(0, ((px - ax) * dx + (py - ay) * dy) / length)) : 0;
  const ex = px - (ax + t * dx);
  const ey = py - (ay + t * dy);
  return ex * ex + ey * ey;
}

/** Finds the items in a rectangle: every one of them, and perhaps more. */
export type Near = (box: Bounds) => Uint32Array;

/** The items under a stroke while it grows: a union of capsules, each asked about once. */
export class Stroke {
  private readonly under: Uint8Array;
  private readonly radius2: number;
  /** How many of the path's places have been looked at. */
  private seen = 0;

  /** `places` holds x, y by item id. */
  constructor(
    private readonly places: Float32Array,
    private readonly radius: number,
    private readonly near: Near,
  ) {
    this.under = new Uint8Array(places.length / 2);
    this.radius2 = radius * radius;
  }

  /** Look at what the path has grown by; return all items under it, ascending. */
  along(path: Float64Array): Uint32Array {
    const last = path.length / 2 - 1;
    for (let i = Math.max(0, this.seen - 1); i < Math.max(1, last); i += 1) this.cover(path, i, Math.min(i + 1, last));
    this.seen = last + 1;
    const ids = new Uint32Array(this.under.length);
    let count = 0;
    for (let id = 0; id < this.under.length; id += 1) {
      if (this.under[id] !== 1) continue;
      ids[count] = id;
      count += 1;
    }
    return ids.slice(0, count);
  }

  private cover(path: Float64Array, i: number, j: number): void {
    const ax = path[2 * i]!;
    const ay = path[2 * i + 1]!;
    const bx = path[2 * j]!;
    const by = path[2 * j + 1]!;
    const reach = this.radius * (1 + 1e-9);
    const box = {
      x0: Math.min(ax, bx) - reach,
      y0: Math.min(ay, by) - reach,
      x1: Math.max(ax, bx) + reach,
      y1: Math.max(ay, by) + reach,
    };
    for (const id of this.near(box)) {
      const x = this.places[2 * id]!;
      const y = this.places[2 * id + 1]!;
      if (fromSegment(x, y, ax, ay, bx, by) <= this.radius2) this.under[id] = 1;
    }
  }
}
