import type { Polygon } from "./polygon";

/** The most vertices that the server takes. */
export const MAX_VERTICES = 4096;

/** A freeform lasso while it is drawn: vertices in map units, at least `step` px of the window apart. */
export class Lasso {
  private readonly points: number[] = [];
  private lastX = NaN;
  private lastY = NaN;

  constructor(private readonly step = 2) {}

  /** Add a vertex (its place in px of the window, and on the map) unless it is too near to the one before. */
  add(windowX: number, windowY: number, x: number, y: number): boolean {
    if (Math.hypot(windowX - this.lastX, windowY - this.lastY) < this.step) return false;
    this.lastX = windowX;
    this.lastY = windowY;
    this.points.push(x, y);
    return true;
  }

  get vertices(): number {
    return this.points.length / 2;
  }

  /** The polygon so far, thinned to what the server takes; null with fewer than three vertices. */
  polygon(): Polygon | null {
    if (this.vertices < 3) return null;
    return thin(Float64Array.from(this.points), MAX_VERTICES);
  }
}

/** Keep every k-th vertex, with the smallest k that leaves at most `most`. */
export function thin(polygon: Polygon, most: number): Polygon {
  const n = polygon.length / 2;
  const every = Math.ceil(n / most);
  if (every <= 1) return polygon;
  const kept = new Float64Array(Math.ceil(n / every) * 2);
  for (let i = 0, k = 0; i < n; i += every, k += 1) {
    kept[2 * k] = polygon[2 * i]!;
    kept[2 * k + 1] = polygon[2 * i + 1]!;
  }
  return kept;
}
