import type { Camera } from "./camera";
import type { PointStore } from "./points";
import type { Bounds } from "./polygon";

/** The largest side of a thumbnail on the screen, in CSS px. */
export interface Sizes {
  /** At zoom 1. */
  base: number;
  most: number;
}

/** How large thumbnails begin: larger where there are few items and where there is much room. */
export function baseSize(items: number, width: number, height: number): number {
  const room = Math.sqrt((width * height * 0.4) / Math.max(1, items));
  const least = Math.max(30, Math.min(width, height) * 0.042);
  return Math.min(Math.max(72, least), Math.max(least, room));
}

/** The thumbnails' size at a zoom: they grow with its square root, so that zooming in both parts and enlarges. */
export function thumbnailSize(zoom: number, sizes: Sizes): number {
  return Math.min(sizes.most, sizes.base * Math.sqrt(Math.max(zoom, 0.25)));
}

/** A thumbnail's share of the distance to the next where the items are spread apart. */
const FILLED = 0.94;
/** Where the items are spread apart: the smallest thumbnails, in px, and the most in view, that all are shown as. */
const SMALLEST = 7;
const SHEET = 4000;

/** The thumbnails' size where the items are spread apart, so that no two that are shown are nearer than so many px. */
export function spreadSize(distance: number, sizes: Sizes): number {
  return Math.min(sizes.most, Math.max(2, FILLED * distance));
}

/** How near two thumbnails of items in cells of so many px may lie, in px: everybody shows where all can be told apart
 * and kept, else as many as have room for a picture that can. */
function spreadDistance(cell: number, items: number, { width, height }: { width: number; height: number }): number {
  const inView = Math.min(items, (0.7 * width * height) / cell ** 2);
  // A hair less than a cell, or rounding would part neighbours.
  if (cell >= SMALLEST && inView <= SHEET) return 0.999 * cell;
  return Math.max(0.999 * cell, Math.max(28, Math.min(width, height) * 0.036));
}

/** How near two shown thumbnails may lie, as a share of their size: below 1 they overlap a little. */
const NEAR = 0.74;
/** How far beyond the view winners are chosen, in screens. */
const MARGIN = 0.5;

/** Items looked at between two looks at the clock. */
const STEP = 16_384;

/** Which items show their thumbnail: by priority (the lowest id first), none nearer than a thumbnail to another.
 *
 * The distance depends on the zoom in half octaves only, so that the winners stay while one pans or zooms a little.
 * Of a million items the winners take longer than a frame may: they are chosen in slices, and the ones before stay
 * until all are known.
 */
export class Winners {
  ids: Uint32Array = new Uint32Array(0);
  /** How near two of them may lie, in map units. */
  distance = 0;
  private level = NaN;
  private covered: Bounds | null = null;
  private choice: Choice | null = null;

  /** Forget the winners: the map, or who is allowed, has changed. */
  invalidate(): void {
    this.covered = null;
    this.choice = null;
  }

  /** Choose where the view asks for it, for about so many milliseconds; return whether all are chosen.
   *
   * `cell` is the side of the cells (map units) that the items are spread apart in, 0 where they are not: then no
   * two thumbnails overlap.
   */
  update(
    points: PointStore,
    camera: Camera,
    sizes: Sizes,
    most: number,
    { allowed = ANY, ms = Infinity, cell = 0 }: { allowed?: (id: number) => boolean; ms?: number; cell?: number } = {},
  ): boolean {
    const level = Math.round(Math.log2(camera.zoom) * 2) / 2;
    if (level !== this.level || !this.covered || !contains(this.covered, camera.view())) {
      const scale = camera.fitScale * 2 ** level;
      const near = cell > 0 ? spreadDistance(cell * scale, points.ids.length, camera) : NEAR * thumbnailSize(2 ** level, sizes);
      this.level = level;
      this.covered = camera.view(MARGIN);
      this.choice = new Choice(points, this.covered, near / scale, most, allowed);
    }
    if (!this.choice) return true;
    if (!this.choice.advance(ms)) return false;
    this.ids = this.choice.ids();
    this.distance = this.choice.distance;
    this.choice = null;
    return true;
  }
}

const ANY = (): boolean => true;

/** Chooses at most `most` present and allowed items within `box`, lowest ids first, such that no two are nearer than
 * `distance` in both x and y. */
export class Choice {
  private readonly across: number;
  /** A cell of this grid holds one winner at most, since two within it would be nearer than `distance`. */
  private readonly grid: Int32Array;
  private readonly chosen: number[] = [];
  private next = 0;

  constructor(
    private readonly points: PointStore,
    private readonly box: Bounds,
    readonly distance: number,
    private readonly most: number,
    private readonly allowed: (id: number) => boolean = ANY,
  ) {
    this.across = Math.max(1, Math.ceil((box.x1 - box.x0) / distance));
    this.grid = new Int32Array(this.across * Math.max(1, Math.ceil((box.y1 - box.y0) / distance))).fill(-1);
  }

  /** The winners so far. */
  ids(): Uint32Array {
    return Uint32Array.from(this.chosen);
  }

  /** Choose on, one step or for about so many milliseconds; return whether all are chosen. */
  advance(ms: number): boolean {
    const end = performance.now() + ms;
    const n = this.points.ids.length;
    while (this.next < n && this.chosen.length < this.most) {
      this.chooseSome(Math.min(n, this.next + STEP));
      if (performance.now() >= end) break;
    }
    return this.next >= n || this.chosen.length >= this.most;
  }

  private chooseSome(to: number): void {
    const { points, box, grid, across, distance } = this;
    const { ids, b } = points;
    const down = grid.length / across;
    for (; this.next < to && this.chosen.length < this.most; this.next += 1) {
      const id = ids[this.next]!;
      const x = b[2 * id]!;
      const y = b[2 * id + 1]!;
      if (!(x >= box.x0 && x <= box.x1 && y >= box.y0 && y <= box.y1)) continue;
      const column = Math.min(across - 1, ((x - box.x0) / distance) | 0);
      const row = Math.min(down - 1, ((y - box.y0) / distance) | 0);
      // Nearly all of many items fail here, at once.
      if (grid[row * across + column]! >= 0) continue;
      if (this.taken(column, row, x, y) || !this.allowed(id)) continue;
      grid[row * across + column] = id;
      this.chosen.push(id);
    }
  }

  private taken(column: number, row: number, x: number, y: number): boolean {
    const { grid, across, distance } = this;
    const { b } = this.points;
    for (let r = Math.max(0, row - 1); r <= row + 1; r += 1) {
      for (let c = Math.max(0, column - 1); c <= column + 1 && c < across; c += 1) {
        const other = grid[r * across + c] ?? -1;
        if (other >= 0 && Math.abs(b[2 * other]! - x) < distance && Math.abs(b[2 * other + 1]! - y) < distance) return true;
      }
    }
    return false;
  }
}

function contains(outer: Bounds, inner: Bounds): boolean {
  return outer.x0 <= inner.x0 && outer.y0 <= inner.y0 && outer.x1 >= inner.x1 && outer.y1 >= inner.y1;
}
