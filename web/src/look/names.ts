import type { Bounds } from "../map/polygon";

/** A name for a dense region of the map. */
export interface RegionName {
  classId: number;
  /** In map units. */
  x: number;
  y: number;
  /** How many labelled items it stands for. */
  weight: number;
}

/** A name as it is drawn, in px. */
export interface PlacedName extends RegionName {
  left: number;
  top: number;
}

const GRID = 40;
const FEWEST = 4;
/** A peak counts when it holds so much of the class's densest place. */
const PEAK_SHARE = 0.35;
const PEAKS_PER_CLASS = 3;
/** Two peaks are two regions when it is so much thinner between them. */
const VALLEY = 0.4;

interface Labelled {
  ids: Uint32Array;
  x: (id: number) => number;
  y: (id: number) => number;
  classOf: (id: number) => number;
  bounds: Bounds;
}

/** Name the places where labelled items of one class lie densest and are the majority, weightiest first. */
export function regionNames({ ids, x, y, classOf, bounds }: Labelled): RegionName[] {
  const side = Math.max(bounds.x1 - bounds.x0, bounds.y1 - bounds.y0, 1e-9);
  const cellOf = (value: number, low: number): number => Math.min(GRID - 1, Math.max(0, Math.floor(((value - low) / side) * GRID)));
  const total = new Float32Array(GRID * GRID);
  const classes = new Map<number, { density: Float32Array; sumX: Float32Array; sumY: Float32Array; count: number }>();
  for (const id of ids) {
    const of = classOf(id);
    if (of < 0) continue;
    const cell = cellOf(y(id), bounds.y0) * GRID + cellOf(x(id), bounds.x0);
    let one = classes.get(of);
    if (!one) classes.set(of, (one = { density: new Float32Array(GRID * GRID), sumX: new Float32Array(GRID * GRID), sumY: new Float32Array(GRID * GRID), count: 0 }));
    one.density[cell]! += 1;
    one.sumX[cell]! += x(id);
    one.sumY[cell]! += y(id);
    one.count += 1;
    total[cell]! += 1;
  }
  const all = smoothed(total);
  const names: RegionName[] = [];
  for (const [classId, { density, sumX, sumY, count }] of classes) {
    if (count < FEWEST) continue;
    const dense = smoothed(density);
    const [weights, xs, ys] = [smoothed(density), smoothed(sumX), smoothed(sumY)];
    for (const cell of peaks(dense, all))
      names.push({ classId, x: xs[cell]! / weights[cell]!, y: ys[cell]! / weights[cell]!, weight: dense[cell]! });
  }
  return names.sort((a, b) => b.weight - a.weight);
}

/** Sum over the 5 x 5 cells around each. */
function smoothed(cells: Float32Array): Float32Array {
  const result = new Float32Array(cells.length);
  for (let row = 0; row < GRID; row += 1)
    for (let column = 0; column < GRID; column += 1) {
      let sum = 0;
      for (let r = Math.max(0, row - 2); r <= Math.min(GRID - 1, row + 2); r += 1)
        for (let c = Math.max(0, column - 2); c <= Math.min(GRID - 1, column + 2); c += 1) sum += cells[r * GRID + c]!;
      result[row * GRID + column] = sum;
    }
  return result;
}

/** The densest cells of a class where it is the majority, each parted from those before it. */
function peaks(dense: Float32Array, all: Float32Array): number[] {
  const order = [...dense.keys()].filter((cell) => dense[cell]! > 0 && dense[cell]! * 2 > all[cell]!).sort((a, b) => dense[b]! - dense[a]! || a - b);
  const most = dense[order[0] ?? 0] ?? 0;
  const found: number[] = [];
  for (const cell of order) {
    if (found.length >= PEAKS_PER_CLASS || dense[cell]! < Math.max(FEWEST, PEAK_SHARE * most)) break;
    if (found.every((other) => valley(dense, cell, other) < VALLEY * dense[cell]!)) found.push(cell);
  }
  return found;
}

/** The thinnest place on the straight way between two cells. */
function valley(dense: Float32Array, from: number, to: number): number {
  const [column, row] = [from % GRID, Math.floor(from / GRID)];
  const [across, down] = [(to % GRID) - column, Math.floor(to / GRID) - row];
  const steps = Math.max(Math.abs(across), Math.abs(down), 1);
  let least = Infinity;
  for (let step = 0; step <= steps; step += 1)
    least = Math.min(least, dense[Math.round(row + (down * step) / steps) * GRID + Math.round(column + (across * step) / steps)]!);
  return least;
}

/** Place names on the screen, weightiest first; one that would cover another is left out. */
export function placeNames(
  names: readonly RegionName[],
  { toScreen, width, height, sizeOf }: {
    toScreen: (name: RegionName) => { x: number; y: number };
    width: number;
    height: number;
    sizeOf: (name: RegionName) => { width: number; height: number };
  },
): PlacedName[] {
  const placed: (PlacedName & { width: number; height: number })[] = [];
  for (const name of names) {
    const { x, y } = toScreen(name);
    const size = sizeOf(name);
    const [left, top] = [x - size.width / 2, y - size.height / 2];
    if (left < 4 || top < 4 || left + size.width > width - 4 || top + size.height > height - 4) continue;
    const free = placed.every(
      (other) => left > other.left + other.width + 4 || other.left > left + size.width + 4 || top > other.top + other.height + 4 || other.top > top + size.height + 4,
    );
    if (free) placed.push({ ...name, left, top, ...size });
  }
  return placed;
}
