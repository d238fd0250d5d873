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

/** Items looked at between two looks at the clock. */
const STEP = 16_384;

interface Labelled {
  ids: Uint32Array;
  x: (id: number) => number;
  y: (id: number) => number;
  classOf: (id: number) => number;
  bounds: Bounds;
}

/** One class's labelled items by cell: how many, and the sums of their places. */
interface Cells {
  density: Float32Array;
  sumX: Float32Array;
  sumY: Float32Array;
  count: number;
}

/** Names the places where labelled items of one class lie densest and are the majority; counts them in slices. */
export class RegionCount {
  private readonly side: number;
  private readonly total = new Float32Array(GRID * GRID);
  private readonly classes = new Map<number, Cells>();
  private next = 0;

  constructor(private readonly of: Labelled) {
    const { x0, y0, x1, y1 } = of.bounds;
    this.side = Math.max(x1 - x0, y1 - y0, 1e-9);
  }

  /** Count on, one step or for about so many milliseconds; return whether all are counted. */
  advance(ms: number): boolean {
    const end = performance.now() + ms;
    const n = this.of.ids.length;
    while (this.next < n) {
      this.countSome(Math.min(n, this.next + STEP));
      if (performance.now() >= end) break;
    }
    return this.next >= n;
  }

  /** The names, weightiest first. */
  names(): RegionName[] {
    const all = smoothed(this.total);
    const names: RegionName[] = [];
    for (const [classId, { density, sumX, sumY, count }] of this.classes) {
      if (count < FEWEST) continue;
      const [dense, xs, ys] = [smoothed(density), smoothed(sumX), smoothed(sumY)];
      for (const cell of peaks(dense, all))
        names.push({ classId, x: xs[cell]! / dense[cell]!, y: ys[cell]! / dense[cell]!, weight: dense[cell]! });
    }
    return names.sort((a, b) => b.weight - a.weight);
  }

  private countSome(to: number): void {
    const { ids, x, y, classOf, bounds } = this.of;
    for (; this.next < to; this.next += 1) {
      const id = ids[this.next]!;
      const classId = classOf(id);
      if (classId < 0) continue;
      const [atX, atY] = [x(id), y(id)];
      const cell = this.cellOf(atY, bounds.y0) * GRID + this.cellOf(atX, bounds.x0);
      const one = this.cellsOf(classId);
      one.density[cell]! += 1;
      one.sumX[cell]! += atX;
      one.sumY[cell]! += atY;
      one.count += 1;
      this.total[cell]! += 1;
    }
  }

  private cellsOf(classId: number): Cells {
    const known = this.classes.get(classId);
    if (known) return known;
    const [density, sumX, sumY] = [0, 1, 2].map(() => new Float32Array(GRID * GRID)) as [Float32Array, Float32Array, Float32Array];
    const made = { density, sumX, sumY, count: 0 };
    this.classes.set(classId, made);
    return made;
  }

  private cellOf(value: number, low: number): number {
    return Math.min(GRID - 1, Math.max(0, Math.floor(((value - low) / this.side) * GRID)));
  }
}

/** Name the dense places of labelled items, weightiest first. */
export function regionNames(of: Labelled): RegionName[] {
  const count = new RegionCount(of);
  count.advance(Infinity);
  return count.names();
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
