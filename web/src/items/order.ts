/** How the tray is ordered: from the middle of the selection outwards, or the least certain first. */
export type Order = "centre" | "doubt";

/** Where each item lies on the map. */
export interface Spots {
  has(id: number): boolean;
  x(id: number): number;
  y(id: number): number;
}

/** The ids from the middle of them outwards; what is not on the map comes last, by id. */
export function fromCentre(ids: Uint32Array, spots: Spots): Uint32Array {
  let x = 0;
  let y = 0;
  let n = 0;
  for (const id of ids) {
    if (!spots.has(id)) continue;
    x += spots.x(id);
    y += spots.y(id);
    n += 1;
  }
  return sorted(ids, (id) => (spots.has(id) ? Math.hypot(spots.x(id) - x / n, spots.y(id) - y / n) : Infinity));
}

/** The ids with the least certain prediction first; what has none comes last, by id. */
export function byDoubt(ids: Uint32Array, confidence: Float32Array): Uint32Array {
  return sorted(ids, (id) => (id < confidence.length && confidence[id]! > 0 ? confidence[id]! : Infinity));
}

/** Each of two passes sorts by so many bits of the key. */
const BITS = 11;
const MOST = 2 ** (2 * BITS) - 1;

/** The ids by ascending key, equal ones by id: what differs by less than a four-millionth of the largest is equal.
 *
 * Counted, not compared: a million ids take some 20 ms. */
function sorted(ids: Uint32Array, keyOf: (id: number) => number): Uint32Array {
  const keys = Float64Array.from(ids, keyOf);
  let most = 0;
  for (let i = 0; i < keys.length; i += 1) if (keys[i]! > most && keys[i]! < Infinity) most = keys[i]!;
  const scale = most > 0 ? (MOST - 1) / most : 0;
  const steps = Uint32Array.from(keys, (key) => (key < Infinity ? Math.round(key * scale) : MOST));
  const byLow = passed(Uint32Array.from(ids, (_, place) => place), steps, 0);
  return passed(byLow, steps, BITS).map((place) => ids[place]!);
}

/** The places in the order of some bits of their steps; those that are equal stay in order. */
function passed(places: Uint32Array, steps: Uint32Array, shift: number): Uint32Array {
  const mask = 2 ** BITS - 1;
  const starts = new Uint32Array(2 ** BITS + 1);
  for (let i = 0; i < places.length; i += 1) starts[((steps[places[i]!]! >>> shift) & mask) + 1]! += 1;
  for (let bucket = 0; bucket < mask; bucket += 1) starts[bucket + 1]! += starts[bucket]!;
  const result = new Uint32Array(places.length);
  for (let i = 0; i < places.length; i += 1) {
    const bucket = (steps[places[i]!]! >>> shift) & mask;
    result[starts[bucket]!] = places[i]!;
    starts[bucket]! += 1;
  }
  return result;
}
