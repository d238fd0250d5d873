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

/** The ids by ascending key, equal ones by id. One typed sort of numbers: 100,000 take a few ms. */
function sorted(ids: Uint32Array, keyOf: (id: number) => number): Uint32Array {
  const keys = Float64Array.from(ids, keyOf);
  let most = 0;
  for (const key of keys) if (key > most && key < Infinity) most = key;
  // 30 bits of key above 22 bits of place: what differs by less than a billionth of the largest is equal
  const places = 2 ** 22;
  const scale = most > 0 ? (2 ** 30 - 2) / most : 0;
  const packed = keys.map((key, place) => (key < Infinity ? Math.round(key * scale) : 2 ** 30) * places + place).sort();
  return Uint32Array.from(packed, (value) => ids[value % places]!);
}
