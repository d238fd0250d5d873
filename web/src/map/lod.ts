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

/** How near two shown thumbnails may lie, as a share of their size: below 1 they overlap a little. */
const NEAR = 0.62;
/** How far beyond the view winners are chosen, in screens. */
const MARGIN = 0.5;

/** Which items show their thumbnail: by priority (the lowest id first), none nearer than a thumbnail to another.
 *
 * The distance depends on the zoom in half octaves only, so that the winners stay while one pans or zooms a little.
 */
export class Winners {
  ids: Uint32Array = new Uint32Array(0);
  private level = NaN;
  private covered: Bounds | null = null;

  /** Forget the winners: the map, or who is allowed, has changed. */
  invalidate(): void {
    this.covered = null;
  }

  /** Choose anew where the view asks for it; return whether anything may have changed. */
  update(
    points: PointStore,
    camera: Camera,
    sizes: Sizes,
    most: number,
    allowed?: (id: number) => boolean,
  ): boolean {
    const level = Math.round(Math.log2(camera.zoom) * 2) / 2;
    const view = camera.view();
    if (level === this.level && this.covered && contains(this.covered, view)) return false;
    const zoom = 2 ** level;
    const distance = (NEAR * thumbnailSize(zoom, sizes)) / (camera.fitScale * zoom);
    this.level = level;
    this.covered = camera.view(MARGIN);
    this.ids = choose(points, this.covered, distance, most, allowed);
    return true;
  }
}

/** Return the ids of at most `most` present and allowed items within `box`, lowest ids first, such that no two are
 * nearer than `distance` in both x and y. */
export function choose(
  points: PointStore,
  box: Bounds,
  distance: number,
  most: number,
  allowed: (id: number) => boolean = () => true,
): Uint32Array {
  const across = Math.max(1, Math.ceil((box.x1 - box.x0) / distance));
  const down = Math.max(1, Math.ceil((box.y1 - box.y0) / distance));
  // A cell of the grid holds one winner at most, since two within it would be nearer than `distance`.
  const grid = new Int32Array(across * down).fill(-1);
  const chosen: number[] = [];
  const { ids, b } = points;
  for (let i = 0; i < ids.length; i += 1) {
    const id = ids[i]!;
    const x = b[2 * id]!;
    const y = b[2 * id + 1]!;
    if (!(x >= box.x0 && x <= box.x1 && y >= box.y0 && y <= box.y1)) continue;
    if (!allowed(id)) continue;
    const column = Math.min(across - 1, Math.floor((x - box.x0) / distance));
    const row = Math.min(down - 1, Math.floor((y - box.y0) / distance));
    if (taken(points, grid, across, column, row, x, y, distance)) continue;
    grid[row * across + column] = id;
    chosen.push(id);
    if (chosen.length >= most) break;
  }
  return Uint32Array.from(chosen);
}

function taken(
  points: PointStore,
  grid: Int32Array,
  across: number,
  column: number,
  row: number,
  x: number,
  y: number,
  distance: number,
): boolean {
  for (let r = Math.max(0, row - 1); r <= row + 1; r += 1) {
    for (let c = Math.max(0, column - 1); c <= column + 1 && c < across; c += 1) {
      const other = grid[r * across + c] ?? -1;
      if (other < 0) continue;
      const near = Math.abs(points.b[2 * other]! - x) < distance && Math.abs(points.b[2 * other + 1]! - y) < distance;
      if (near) return true;
    }
  }
  return false;
}

function contains(outer: Bounds, inner: Bounds): boolean {
  return outer.x0 <= inner.x0 && outer.y0 <= inner.y0 && outer.x1 >= inner.x1 && outer.y1 >= inner.y1;
}
