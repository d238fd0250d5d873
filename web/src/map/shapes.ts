import type { Camera, Place } from "./camera";
import { Lasso, MAX_VERTICES } from "./lasso";
import type { Polygon } from "./polygon";

/** What was drawn on the map, in map units. */
export type Shape =
  | { kind: "lasso" | "box"; polygon: Polygon }
  | { kind: "brush"; path: Float64Array; radius: number };

/** A shape while it is drawn. */
export interface Drawing {
  /** Take the pointer's next place, in px of the window; return whether that changed anything. */
  add(at: Place): boolean;
  /** What has been drawn so far; null: nothing yet. */
  shape(): Shape | null;
  /** The outline as an SVG path in px of the window; for a brush its middle line. */
  outline(): string;
  /** How wide the outline is, in px of the window, where it is a brush. */
  readonly width: number;
}

export type DrawingTool = Shape["kind"];

/** Begin to draw with a tool; the map stands still in the window until it is done, wherever its canvas goes. */
export function begin(tool: DrawingTool, camera: Camera, brush: number): Drawing {
  if (tool === "box") return new BoxDrawing(camera);
  return tool === "brush" ? new BrushDrawing(camera, brush) : new LassoDrawing(camera);
}

class LassoDrawing implements Drawing {
  readonly width = 0;
  private readonly lasso = new Lasso();
  private path = "";

  constructor(private readonly camera: Camera) {}

  add({ x, y }: Place): boolean {
    const on = this.camera.underHand({ x, y });
    if (!this.lasso.add(x, y, on.x, on.y)) return false;
    this.path += `${this.path ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    return true;
  }

  shape(): Shape | null {
    const polygon = this.lasso.polygon();
    return polygon && { kind: "lasso", polygon };
  }

  outline(): string {
    return `${this.path}Z`;
  }
}

class BoxDrawing implements Drawing {
  readonly width = 0;
  private corners: Place[] = [];

  constructor(private readonly camera: Camera) {}

  add(at: Place): boolean {
    this.corners = [this.corners[0] ?? at, at];
    return true;
  }

  shape(): Shape | null {
    const [a, b] = this.corners;
    if (!a || !b || a.x === b.x || a.y === b.y) return null;
    const [{ x: x0, y: y0 }, { x: x1, y: y1 }] = [this.camera.underHand(a), this.camera.underHand(b)];
    return { kind: "box", polygon: Float64Array.of(x0, y0, x1, y0, x1, y1, x0, y1) };
  }

  outline(): string {
    const [a, b] = this.corners;
    return a && b ? `M${a.x} ${a.y}H${b.x}V${b.y}H${a.x}Z` : "";
  }
}

/** Places of a stroke lie at least this far apart, in px of the window. */
const STEP = 3;

class BrushDrawing implements Drawing {
  readonly width: number;
  private readonly points: number[] = [];
  private last: Place | null = null;
  private path = "";

  constructor(
    private readonly camera: Camera,
    private readonly radius: number,
  ) {
    this.width = 2 * radius;
  }

  add({ x, y }: Place): boolean {
    if (this.points.length / 2 >= MAX_VERTICES) return false; // what the server would not take is not drawn either
    if (this.last && Math.hypot(x - this.last.x, y - this.last.y) < STEP) return false;
    this.last = { x, y };
    const on = this.camera.underHand({ x, y });
    this.points.push(on.x, on.y);
    this.path += `${this.path ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    return true;
  }

  shape(): Shape | null {
    if (this.points.length === 0) return null;
    return { kind: "brush", path: Float64Array.from(this.points), radius: this.radius / this.camera.scale };
  }

  outline(): string {
    return this.points.length === 2 ? `${this.path}h0.01` : this.path;
  }
}
