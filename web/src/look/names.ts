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

/** Which part of the screen pictures cover, cell by cell. */
export class Cover {
  private readonly columns: number;
  private readonly rows: number;
  private readonly cells: Uint8Array;

  constructor(pictures: readonly Bounds[], width: number, height: number) {
    this.columns = Math.max(1, Math.ceil(width / CELL));
    this.rows = Math.max(1, Math.ceil(height / CELL));
    this.cells = new Uint8Array(this.columns * this.rows);
    for (const picture of pictures) this.each(picture, (cell) => (this.cells[cell] = 1));
  }

  /** How many px² of a box are covered. */
  under(box: Bounds): number {
    let covered = 0;
    this.each(box, (cell) => (covered += this.cells[cell]!));
    return covered * CELL ** 2;
  }

  private each({ x0, y0, x1, y1 }: Bounds, visit: (cell: number) => void): void {
    const clamp = (at: number, most: number): number => Math.min(most, Math.max(0, Math.floor(at / CELL)));
    if (x1 < 0 || y1 < 0 || x0 >= this.columns * CELL || y0 >= this.rows * CELL) return;
    const [left, right] = [clamp(x0, this.columns - 1), clamp(x1, this.columns - 1)];
    for (let row = clamp(y0, this.rows - 1); row <= clamp(y1, this.rows - 1); row += 1)
      for (let column = left; column <= right; column += 1) visit(row * this.columns + column);
  }
}

const CELL = 8;
/** How far a name may move to lie on free ground, in px: straight up or down first. */
const UP = [0, -28, 28, -52, 52, -76, 76, -100, 100];
const ASIDE = [0, -20, 20, -40, 40, -60, 60, -80, 80, -100, 100];
const WAYS: readonly Place[] = UP.flatMap((y) => ASIDE.map((x) => ({ x, y })));
/** What a px of that costs, in px² of pictures under the name. */
const WAY_COST = 8;
/** How much of the map that is on the screen names may cover: on a small one the lightest are left out. */
export const FAIR_SHARE = 1 / 5;
/** How far from its region's middle a name may lie: a part of the smaller side of the map, or of what one sees of it. */
const REACH = 0.12;
/** How far names stay from each other, from the edge, and from what lies over the map, in px. */
const MARGIN = 4;

/** A place on the screen, or a way on it, in px. */
interface Place {
  x: number;
  y: number;
}

/** The screen that names lie on: how large, what of it is taken, and how many px² of it names may cover. */
interface Room {
  toScreen: (name: RegionName) => Place;
  sizeOf: (name: RegionName) => { width: number; height: number };
  width: number;
  height: number;
  taken?: readonly Bounds[];
  most?: number;
}

/** How many px² two boxes share. */
export function shared(a: Bounds, b: Bounds): number {
  return Math.max(0, Math.min(a.x1, b.x1) - Math.max(a.x0, b.x0)) * Math.max(0, Math.min(a.y1, b.y1) - Math.max(a.y0, b.y0));
}

/** What of the screen is still free while one name after the other is placed. */
class Free {
  private readonly full: Bounds[];
  private left: number;

  constructor(private readonly room: Room) {
    this.full = [...(room.taken ?? [])];
    this.left = room.most ?? Infinity;
  }

  /** Whether names may cover so much more. */
  affords(name: RegionName): boolean {
    return this.areaOf(name) <= this.left;
  }

  /** Where a name lies around a place, pushed in at the edge; null: off the screen, or over something else. */
  boxAt(name: RegionName, { x, y }: Place): Bounds | null {
    const { width, height, sizeOf } = this.room;
    if (x < 0 || y < 0 || x > width || y > height) return null;
    const size = sizeOf(name);
    const [x0, y0] = [pushedIn(x, size.width, width), pushedIn(y, size.height, height)];
    const box = { x0, y0, x1: x0 + size.width, y1: y0 + size.height };
    const around = { x0: x0 - MARGIN, y0: y0 - MARGIN, x1: box.x1 + MARGIN, y1: box.y1 + MARGIN };
    return this.full.some((other) => shared(around, other) > 0) ? null : box;
  }

  take(name: RegionName, box: Bounds): void {
    this.left -= this.areaOf(name);
    this.full.push(box);
  }

  private areaOf(name: RegionName): number {
    const { width, height } = this.room.sizeOf(name);
    return width * height;
  }
}

/** Where a name of so many px around `middle` begins, so that it does not leave the screen. */
function pushedIn(middle: number, size: number, screen: number): number {
  return Math.max(MARGIN, Math.min(screen - MARGIN - size, middle - size / 2));
}

/** How far from its region's middle a name may lie on such a screen, where the map has this extent, in px. */
export function reachOn({ x0, y0, x1, y1 }: Bounds, { width, height }: { width: number; height: number }): number {
  return REACH * Math.min(width, height, x1 - x0, y1 - y0);
}

/** How each name is best moved away from the middle of its region, by `reach` px at most, weightiest first: where it
 * hides the least of the pictures among the places that those before it have left. */
export function freeWays(names: readonly RegionName[], cover: Cover, room: Room, reach: number): Map<RegionName, Place> {
  const free = new Free(room);
  const ways = WAYS.filter(({ x, y }) => Math.hypot(x, y) <= reach);
  const found = new Map<RegionName, Place>();
  for (const name of names) {
    const middle = room.toScreen(name);
    let best: { way: Place; box: Bounds; cost: number } | null = null;
    if (!free.affords(name)) continue;
    for (const way of ways) {
      const box = free.boxAt(name, { x: middle.x + way.x, y: middle.y + way.y });
      if (!box) continue;
      const cost = cover.under(box) + WAY_COST * Math.hypot(way.x, way.y);
      if (cost < (best?.cost ?? Infinity)) best = { way, box, cost };
    }
    if (!best) continue;
    free.take(name, best.box);
    found.set(name, best.way);
  }
  return found;
}

/** Place names on the screen, those at its edge pushed in, weightiest first; left out is what would cover another or
 * something that is taken, and what would bring all to more than the room has for them. */
export function placeNames(names: readonly RegionName[], room: Room): PlacedName[] {
  const free = new Free(room);
  const placed: PlacedName[] = [];
  for (const name of names) {
    const box = free.affords(name) ? free.boxAt(name, room.toScreen(name)) : null;
    if (!box) continue;
    free.take(name, box);
    placed.push({ ...name, left: box.x0, top: box.y0 });
  }
  return placed;
}
