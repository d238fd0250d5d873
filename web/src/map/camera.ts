import type { Bounds } from "./polygon";

/** What stays free around everything, in px: half a thumbnail, and the toolbar below. */
const SIDE = 40;
const TOP = 36;
const BOTTOM = 84;
/** Zooming in where nothing lies, what is nearest comes so far into the screen: a part of its width and height. */
const INSIDE = 0.3;
/** How far one may zoom in, against the fitted scale: always, and where items lie on top of each other. */
const NEAR = 8;
const NEAREST = 2000;

/** Where a point of the map lies on the screen: x_screen = (x - cx) * scale + width / 2, likewise y, y down. */
export class Camera {
  /** The middle of the view in map units. */
  cx = 0.5;
  cy = 0.5;
  /** Screen (CSS) px per map unit. */
  scale = 600;
  width = 1;
  height = 1;
  /** Where the upper left corner of the screen lies in the window, in px, since it was last sized or pressed: what the
   * hand that draws goes by. */
  corner: Place = { x: 0, y: 0 };
  /** The scale at which everything fits; zoom 1. */
  fitScale = 600;

  /** The item nearest to a place, nearer than `reach` in map units and not `except`; null: there is none. */
  nearest: (x: number, y: number, reach: number, except?: number) => Near | null = () => null;

  private home: Bounds = { x0: 0, y0: 0, x1: 1, y1: 1 };

  get zoom(): number {
    return this.scale / this.fitScale;
  }

  screenX(x: number): number {
    return (x - this.cx) * this.scale + this.width / 2;
  }

  screenY(y: number): number {
    return (y - this.cy) * this.scale + this.height / 2;
  }

  mapX(screenX: number): number {
    return (screenX - this.width / 2) / this.scale + this.cx;
  }

  mapY(screenY: number): number {
    return (screenY - this.height / 2) / this.scale + this.cy;
  }

  /** What the view shows, in map units, larger by `margin` screens on every side. */
  view(margin = 0): Bounds {
    const halfW = (this.width / this.scale) * (0.5 + margin);
    const halfH = (this.height / this.scale) * (0.5 + margin);
    return { x0: this.cx - halfW, y0: this.cy - halfH, x1: this.cx + halfW, y1: this.cy + halfH };
  }

  /** Take a new size in CSS px and corner; a view that showed everything still does, any other keeps its middle. */
  resize(width: number, height: number, corner = this.corner): void {
    const atHome = this.isHome();
    this.corner = corner;
    this.width = Math.max(1, width);
    this.height = Math.max(1, height);
    this.measureFit();
    if (atHome) this.set(this.fitted());
  }

  /** Where a place of the window lies on the map. */
  underHand({ x, y }: Place): Place {
    return { x: this.mapX(x - this.corner.x), y: this.mapY(y - this.corner.y) };
  }

  /** Take a new size and corner, and leave everything where it is in the window: what is being drawn on lies still. */
  stretch(width: number, height: number, corner: Place): void {
    const { x, y } = this.underHand(corner);
    this.corner = corner;
    this.width = Math.max(1, width);
    this.height = Math.max(1, height);
    this.measureFit();
    this.cx = x + this.width / 2 / this.scale;
    this.cy = y + this.height / 2 / this.scale;
  }

  /** Say what everything is. The view stays: who wants to follow moves it to `fitted()`. */
  setHome(home: Bounds): void {
    this.home = home;
    this.measureFit();
  }

  pan(dx: number, dy: number): void {
    this.cx -= dx / this.scale;
    this.cy -= dy / this.scale;
    this.keepNear();
  }

  /** Zoom by `factor` so that what lies under (screenX, screenY) stays there. Zooming in leads to items, never to
   * empty ground: the nearest stays on the screen, and the zoom ends where its neighbour would leave it. */
  zoomAt(screenX: number, screenY: number, factor: number): void {
    const x = this.mapX(screenX);
    const y = this.mapY(screenY);
    const item = factor > 1 ? this.search(x, y) : null;
    const most = Math.max(this.scale, item ? this.nearestScale(item) : this.fitScale * NEAREST);
    this.scale = Math.min(most, Math.max(this.fitScale * 0.5, this.scale * factor));
    this.cx = x - (screenX - this.width / 2) / this.scale;
    this.cy = y - (screenY - this.height / 2) / this.scale;
    if (item) this.keepInside(item, screenX, screenY);
    this.keepNear();
  }

  /** The view that shows everything. */
  fitted(): CameraView {
    const { x0, y0, x1, y1 } = this.home;
    const lift = (BOTTOM - TOP) / 2 / this.fitScale;
    return { cx: (x0 + x1) / 2, cy: (y0 + y1) / 2 + lift, scale: this.fitScale };
  }

  /** The view that shows the given box on a `share` of it, not nearer than `nearest` times the fitted scale. */
  around(box: Bounds, { share = 0.8, nearest = 40 } = {}): CameraView {
    const scale = Math.min(
      (this.width * share) / Math.max(1e-9, box.x1 - box.x0),
      (this.height * share) / Math.max(1e-9, box.y1 - box.y0),
      this.fitScale * nearest,
    );
    return { cx: (box.x0 + box.x1) / 2, cy: (box.y0 + box.y1) / 2, scale };
  }

  get current(): CameraView {
    return { cx: this.cx, cy: this.cy, scale: this.scale };
  }

  set(view: CameraView): void {
    ({ cx: this.cx, cy: this.cy, scale: this.scale } = view);
  }

  /** Whether the view shows everything. */
  isHome(): boolean {
    const home = this.fitted();
    const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-6 * Math.max(1, Math.abs(b));
    return near(this.scale, home.scale) && near(this.cx, home.cx) && near(this.cy, home.cy);
  }

  /** The item nearest to a place, looked for ever wider. */
  private search(x: number, y: number, except?: number): Near | null {
    const { x0, y0, x1, y1 } = this.home;
    const everywhere = Math.max(x1 - x0, y1 - y0) + Math.hypot(this.width, this.height) / this.scale;
    for (let reach = 8 / this.scale; ; reach *= 2) {
      const found = this.nearest(x, y, reach, except);
      if (found || reach > everywhere) return found;
    }
  }

  /** The scale at which an item and its nearest neighbour still share the screen. */
  private nearestScale({ id, x, y }: Near): number {
    const other = this.search(x, y, id);
    const apart = other ? Math.hypot(other.x - x, other.y - y) : Infinity;
    const both = Math.min(this.width, this.height) / 2 / Math.max(apart, 1e-12);
    return Math.min(this.fitScale * NEAREST, Math.max(this.fitScale * NEAR, both));
  }

  /** Keep an item on the screen: the farther it is from the pointer, the farther from the edge. */
  private keepInside({ x, y }: Near, screenX: number, screenY: number): void {
    const away = Math.hypot(this.screenX(x) - screenX, this.screenY(y) - screenY);
    const halfW = (this.width / 2 - Math.min(away, this.width * INSIDE)) / this.scale;
    const halfH = (this.height / 2 - Math.min(away, this.height * INSIDE)) / this.scale;
    this.cx = Math.min(x + halfW, Math.max(x - halfW, this.cx));
    this.cy = Math.min(y + halfH, Math.max(y - halfH, this.cy));
  }

  private measureFit(): void {
    const width = Math.max(1e-6, this.home.x1 - this.home.x0);
    const height = Math.max(1e-6, this.home.y1 - this.home.y0);
    const room = Math.min((this.width - 2 * SIDE) / width, (this.height - TOP - BOTTOM) / height);
    this.fitScale = Math.max(1, room);
  }

  /** Nobody should get lost: the middle of the view stays within everything. */
  private keepNear(): void {
    const { x0, y0, x1, y1 } = this.home;
    this.cx = Math.min(x1, Math.max(x0, this.cx));
    this.cy = Math.min(y1, Math.max(y0, this.cy));
  }
}

/** A place, in px or map units. */
export interface Place {
  x: number;
  y: number;
}

/** An item and where it lies, in map units. */
export interface Near extends Place {
  id: number;
}

export interface CameraView {
  cx: number;
  cy: number;
  scale: number;
}

/** A view between two, so that the zoom feels even: the scale moves geometrically. */
export function between(from: CameraView, to: CameraView, t: number): CameraView {
  const scale = from.scale * (to.scale / from.scale) ** t;
  // The middle must move with the scale, or a far zoom would swing past its goal.
  const ratio = Math.abs(to.scale / from.scale - 1) < 1e-6 ? t : (1 / scale - 1 / from.scale) / (1 / to.scale - 1 / from.scale);
  return { cx: from.cx + (to.cx - from.cx) * ratio, cy: from.cy + (to.cy - from.cy) * ratio, scale };
}

/** Slow, fast, slow: 0 at 0 and 1 at 1. */
export function ease(t: number): number {
  return t < 0.5 ? 4 * t ** 3 : 1 - (-2 * t + 2) ** 3 / 2;
}
