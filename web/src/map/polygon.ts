/** A polygon as x0, y0, x1, y1, ... in map units, closed implicitly. */
export type Polygon = Float64Array;

/** Return how often the polygon winds around the point; non-zero means inside.
 *
 * The server decides with the same rule: an edge counts where y0 <= py < y1 (or y1 <= py < y0), in float64.
 */
export function winding(polygon: Polygon, px: number, py: number): number {
  let count = 0;
  for (let i = 0; i < polygon.length; i += 2) count += crossing(polygon, i, px, py);
  return count;
}

/** What the edge that starts at index `i` adds to the winding number of the point: -1, 0 or 1. */
function crossing(polygon: Polygon, i: number, px: number, py: number): number {
  const j = i + 2 === polygon.length ? 0 : i + 2;
  const x0 = polygon[i]!;
  const y0 = polygon[i + 1]!;
  const x1 = polygon[j]!;
  const y1 = polygon[j + 1]!;
  const up = y0 <= py && py < y1;
  if (!up && !(y1 <= py && py < y0)) return 0;
  const side = (x1 - x0) * (py - y0) - (px - x0) * (y1 - y0);
  if (up) return side > 0 ? 1 : 0;
  return side < 0 ? -1 : 0;
}

/** The smallest and largest coordinates of a polygon. */
export interface Bounds {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

export function bounds(polygon: Polygon): Bounds {
  const box = { x0: Infinity, y0: Infinity, x1: -Infinity, y1: -Infinity };
  for (let i = 0; i < polygon.length; i += 2) {
    box.x0 = Math.min(box.x0, polygon[i]!);
    box.x1 = Math.max(box.x1, polygon[i]!);
    box.y0 = Math.min(box.y0, polygon[i + 1]!);
    box.y1 = Math.max(box.y1, polygon[i + 1]!);
  }
  return box;
}

/** A test of many points against one polygon: the edges are kept by horizontal slab, so that each point
 * meets only those that can cross its height. The answer is the same as `winding(...) !== 0`. */
export function insideTest(polygon: Polygon): (px: number, py: number) => boolean {
  const box = bounds(polygon);
  const height = box.y1 - box.y0;
  if (!(height > 0)) return () => false;
  const count = Math.max(1, Math.min(512, Math.floor(polygon.length / 4)));
  const slabOf = (y: number): number => Math.min(count - 1, Math.floor(((y - box.y0) / height) * count));
  const slabs: number[][] = Array.from({ length: count }, () => []);
  for (let i = 0; i < polygon.length; i += 2) {
    const j = i + 2 === polygon.length ? 0 : i + 2;
    const from = slabOf(Math.min(polygon[i + 1]!, polygon[j + 1]!));
    const to = slabOf(Math.max(polygon[i + 1]!, polygon[j + 1]!));
    for (let s = from; s <= to; s += 1) slabs[s]!.push(i);
  }
  return (px, py) => {
    if (px < box.x0 || px > box.x1 || py < box.y0 || py > box.y1) return false;
    let total = 0;
    for (const i of slabs[slabOf(py)]!) total += crossing(polygon, i, px, py);
    return total !== 0;
  };
}

/** Where each item lies, by item id. */
export interface Places {
  x(id: number): number;
  y(id: number): number;
}

/** Return those of `ids` that lie inside the polygon. */
export function idsInside(polygon: Polygon, ids: Uint32Array, places: Places): Uint32Array {
  const inside = insideTest(polygon);
  return ids.filter((id) => inside(places.x(id), places.y(id)));
}
