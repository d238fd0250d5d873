import type { Selection } from "../labels/selection";
import type { MapPointer } from "./pointer";
import { type Bounds, bounds } from "./polygon";
import type { Scene } from "./scene";

/** What keys and buttons do to a map; while a shape is drawn there, only `cancel` does anything. */
export class MapHand {
  constructor(
    private readonly scene: Scene,
    private readonly pointer: Pick<MapPointer, "pressing" | "cancel">,
    private readonly selection: () => Selection,
  ) {}

  /** Give up a shape that is being drawn; return whether there was one. */
  cancel(): boolean {
    return this.pointer.cancel();
  }

  /** Show the selection; where that is on show, or nothing is selected, everything. */
  fit(): void {
    if (this.pointer.pressing) return;
    const { camera } = this.scene;
    const box = this.selectedBox();
    const view = box && camera.around(box);
    const there = view !== null && Math.abs(view.scale / camera.scale - 1) < 0.01;
    this.scene.glideTo(view === null || there ? camera.fitted() : view);
  }

  /** Fly to the selection and show what lies around it: a third of the view on every side. */
  show(): void {
    const box = this.pointer.pressing ? null : this.selectedBox();
    if (!box) return;
    const { camera } = this.scene;
    const view = camera.around(box, { share: 1 / 3, nearest: 8 });
    this.scene.glideTo(view.scale < camera.fitScale ? camera.fitted() : view);
  }

  /** Fly to the selection where nothing of it is on the screen. */
  reveal(): void {
    const { camera, points } = this.scene;
    const { x0, y0, x1, y1 } = camera.view();
    for (const id of this.selection().ids()) {
      if (!points.has(id)) continue;
      const [x, y] = [points.x(id), points.y(id)];
      if (x > x0 && x < x1 && y > y0 && y < y1) return;
    }
    this.show();
  }

  zoom(factor: number): void {
    if (this.pointer.pressing) return;
    const { camera } = this.scene;
    const before = camera.current;
    camera.zoomAt(camera.width / 2, camera.height / 2, factor);
    const after = camera.current;
    camera.set(before);
    this.scene.glideTo(after);
  }

  pan(dx: number, dy: number): void {
    if (this.pointer.pressing) return;
    this.scene.camera.pan(dx, dy);
    this.scene.moved();
  }

  private selectedBox(): Bounds | null {
    const { points } = this.scene;
    const places: number[] = [];
    for (const id of this.selection().ids()) if (points.has(id)) places.push(points.x(id), points.y(id));
    return places.length === 0 ? null : bounds(Float64Array.from(places));
  }
}
