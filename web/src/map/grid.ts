import { Marked } from "./marked";
import type { PointStore } from "./points";
import { type Bounds, bounds, insideTest, type Polygon } from "./polygon";

/** Cells along each side; their numbers fit two bytes. */
const ACROSS = 256;
const CELLS = ACROSS * ACROSS;
/** How many items are sorted between two looks at the clock. */
const STEP = 32_768;

/** What a lasso does to a cell: none of its items are inside, all are, or each is to be asked. */
const OUT = 0;
const IN = 1;
const ASK = 2;

/** The items of one map sorted into the cells of a square grid, so that a place or a lasso meets few of them.
 *
 * Sorting a million items takes longer than a frame may, so it is done in slices (`advance`); who asks before
 * it is done waits for the rest. Within a cell ids ascend.
 */
export class CellGrid {
  /** The cell of the i-th item of `points.ids`. */
  private readonly cells: Uint16Array;
  /** Where each cell begins in `order`. */
  private readonly starts = new Uint32Array(CELLS + 1);
  private readonly fill = new Uint32Array(CELLS);
  private readonly order: Uint32Array;
  private readonly box: Bounds;
  private readonly perX: number;
  private readonly perY: number;
  private sorted = 0;
  private placed = 0;

  constructor(
    private readonly ids: Uint32Array,
    private readonly places: Float32Array,
    box: Bounds,
  ) {
    this.cells = new Uint16Array(ids.length);
    this.order = new Uint32Array(ids.length);
    this.box = box;
    this.perX = ACROSS / Math.max(1e-12, box.x1 - box.x0);
    this.perY = ACROSS / Math.max(1e-12, box.y1 - box.y0);
  }

  /** The grid of where the items go. */
  static of(points: PointStore): CellGrid {
    return new CellGrid(points.ids, points.b, points.bounds);
  }

  /** Sort on, one step or for about so many milliseconds; return whether all is sorted. */
  advance(ms: number): boolean {
    const end = performance.now() + ms;
    const n = this.ids.length;
    while (this.placed < n) {
      if (this.sorted < n) this.sortSome();
      else this.placeSome();
      if (performance.now() >= end) break;
    }
    return this.placed === n;
  }

  /** Return the ids inside the polygon, ascending: exactly those with a non-zero winding number. */
  inside(polygon: Polygon): Uint32Array {
    return this.marked(polygon).ids;
  }

  /** Return what is inside the polygon, its ids not gathered yet. */
  marked(polygon: Polygon): Marked {
    this.advance(Infinity);
    const { ids, places, order, starts } = this;
    const test = insideTest(polygon);
    const states = this.classify(polygon, test);
    // Most cells need no look at their items.
    const marks = new Uint8Array((ids.at(-1) ?? -1) + 1);
    let count = 0;
    for (let cell = 0; cell < CELLS; cell += 1) {
      const state = states[cell]!;
      if (state === OUT) continue;
      const end = starts[cell + 1]!;
      for (let k = starts[cell]!; k < end; k += 1) {
        const id = order[k]!;
        if (state === ASK && !test(places[2 * id]!, places[2 * id + 1]!)) continue;
        marks[id] = 1;
        count += 1;
      }
    }
    return new Marked(marks, count);
  }

  /** Return the item nearest to a place, nearer than `reach` (map units) and not `except`, or -1. */
  nearest(x: number, y: number, reach: number, except = -1): number {
    this.advance(Infinity);
    const { places, order, starts } = this;
    let nearest = -1;
    let least = reach ** 2;
    const [left, right] = [this.column(x - reach), this.column(x + reach)];
    const bottom = this.row(y + reach);
    for (let row = this.row(y - reach); row <= bottom; row += 1) {
      const end = starts[row * ACROSS + right + 1]!;
      for (let k = starts[row * ACROSS + left]!; k < end; k += 1) {
        const id = order[k]!;
        const distance = (places[2 * id]! - x) ** 2 + (places[2 * id + 1]! - y) ** 2;
        if (id !== except && (distance < least || (distance === least && id < nearest))) {
          nearest = id;
          least = distance;
        }
      }
    }
    return nearest;
  }

  /** Return the ids in the cells that a box touches, ascending: all of its items and some more, or null where they
   * are more than `most` or not all are sorted yet. */
  around(box: Bounds, most = Infinity): Uint32Array | null {
    if (this.placed < this.ids.length) return null;
    const { order, starts } = this;
    const [left, right] = [this.column(box.x0), this.column(box.x1)];
    const [top, bottom] = [this.row(box.y0), this.row(box.y1)];
    let count = 0;
    for (let row = top; row <= bottom; row += 1) count += starts[row * ACROSS + right + 1]! - starts[row * ACROSS + left]!;
    if (count > most) return null;
    const found = new Uint32Array(count);
    count = 0;
    for (let row = top; row <= bottom; row += 1) {
      const some = order.subarray(starts[row * ACROSS + left], starts[row * ACROSS + right + 1]);
      found.set(some, count);
      count += some.length;
    }
    return found.sort();
  }

  /** Return how many items lie in a box, its edges included. */
  count(box: Bounds): number {
    this.advance(Infinity);
    const { places, order, starts } = this;
    const [left, right] = [this.column(box.x0), this.column(box.x1)];
    const [top, bottom] = [this.row(box.y0), this.row(box.y1)];
    let sum = 0;
    for (let row = top; row <= bottom; row += 1) {
      const whole = row > top && row < bottom && right - left > 1;
      if (whole) sum += starts[row * ACROSS + right]! - starts[row * ACROSS + left + 1]!;
      for (let column = left; column <= right; column += whole ? right - left : 1) {
        const cell = row * ACROSS + column;
        for (let k = starts[cell]!; k < starts[cell + 1]!; k += 1) {
          const x = places[2 * order[k]!]!;
          const y = places[2 * order[k]! + 1]!;
          if (x >= box.x0 && x <= box.x1 && y >= box.y0 && y <= box.y1) sum += 1;
        }
      }
    }
    return sum;
  }

  private column(x: number): number {
    return Math.min(ACROSS - 1, Math.max(0, Math.floor((x - this.box.x0) * this.perX)));
  }

  private row(y: number): number {
    return Math.min(ACROSS - 1, Math.max(0, Math.floor((y - this.box.y0) * this.perY)));
  }

  private sortSome(): void {
    const { ids, places, cells, starts, box, perX, perY } = this;
    const end = Math.min(ids.length, this.sorted + STEP);
    for (let i = this.sorted; i < end; i += 1) {
      const id = ids[i]!;
      const column = Math.min(ACROSS - 1, ((places[2 * id]! - box.x0) * perX) | 0);
      const row = Math.min(ACROSS - 1, ((places[2 * id + 1]! - box.y0) * perY) | 0);
      const cell = row * ACROSS + column;
      cells[i] = cell;
      starts[cell + 1]! += 1;
    }
    this.sorted = end;
    if (end < ids.length) return;
    for (let cell = 0; cell < CELLS; cell += 1) starts[cell + 1]! += starts[cell]!;
    this.fill.set(starts.subarray(0, CELLS));
  }

  private placeSome(): void {
    const { ids, cells, order, fill } = this;
    const end = Math.min(ids.length, this.placed + STEP);
    for (let i = this.placed; i < end; i += 1) {
      const cell = cells[i]!;
      order[fill[cell]!] = ids[i]!;
      fill[cell]! += 1;
    }
    this.placed = end;
  }

  /** Say of every cell what the lasso does to it. */
  private classify(polygon: Polygon, test: (x: number, y: number) => boolean): Uint8Array {
    const states = new Uint8Array(CELLS);
    for (let i = 0; i < polygon.length; i += 2) this.markEdge(states, polygon, i);
    const reach = bounds(polygon);
    const [top, bottom] = [this.row(reach.y0), this.row(reach.y1)];
    const right = this.column(reach.x1);
    for (let row = top; row <= bottom; row += 1) {
      let state: number | null = null;
      for (let column = this.column(reach.x0); column <= right; column += 1) {
        const cell = row * ACROSS + column;
        if (states[cell] === ASK) state = null;
        // No edge comes near this cell nor the one before: what holds for one point holds for both.
        else states[cell] = state ??= test(this.middleX(column), this.middleY(row)) ? IN : OUT;
      }
    }
    return states;
  }

  private middleX(column: number): number {
    return this.box.x0 + (column + 0.5) / this.perX;
  }

  private middleY(row: number): number {
    return this.box.y0 + (row + 0.5) / this.perY;
  }

  /** Mark every cell that the edge from index `i` touches, and any that it passes by less than rounding could hide. */
  private markEdge(states: Uint8Array, polygon: Polygon, i: number): void {
    const j = i + 2 === polygon.length ? 0 : i + 2;
    const [ax, ay] = [(polygon[i]! - this.box.x0) * this.perX, (polygon[i + 1]! - this.box.y0) * this.perY];
    const [bx, by] = [(polygon[j]! - this.box.x0) * this.perX, (polygon[j + 1]! - this.box.y0) * this.perY];
    const first = clampCell(Math.min(ay, by) - HAIR);
    const last = clampCell(Math.max(ay, by) + HAIR);
    for (let row = first; row <= last; row += 1) {
      // The part of the edge within this row, from t0 to t1.
      const slope = by - ay;
      const cross = [(row - HAIR - ay) / slope, (row + 1 + HAIR - ay) / slope];
      const whole = Math.abs(slope) < 1e-9;
      const outer = row === 0 || row === ACROSS - 1; // what lies beyond the grid is sorted into its outer cells
      const t0 = whole || outer ? 0 : Math.max(0, Math.min(...cross));
      const t1 = whole || outer ? 1 : Math.min(1, Math.max(...cross));
      const [x0, x1] = [ax + (bx - ax) * t0, ax + (bx - ax) * t1];
      const end = clampCell(Math.max(x0, x1) + HAIR);
      for (let column = clampCell(Math.min(x0, x1) - HAIR); column <= end; column += 1)
        states[row * ACROSS + column] = ASK;
    }
  }
}

/** Much more than rounding, much less than a cell. */
const HAIR = 1e-5;

function clampCell(at: number): number {
  return Math.min(ACROSS - 1, Math.max(0, Math.floor(at)));
}
