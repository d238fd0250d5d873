import type { Mode, Tool } from "../session/selecting";
import type { Camera } from "./camera";
import { Lasso } from "./lasso";
import type { Polygon } from "./polygon";

/** What the pointer means, told to the page. */
export interface PointerEvents {
  tool: () => Tool;
  cameraMoved: () => void;
  hover: (x: number, y: number) => void;
  leave: () => void;
  click: (x: number, y: number, mode: Mode) => void;
  /** A double click; true where it meant an item, so that it does not zoom. */
  doubled: (x: number, y: number) => boolean;
  /** A lasso grew; `path` is its outline in screen px. */
  lassoing: (polygon: Polygon | null, path: string, mode: Mode) => void;
  /** A lasso was closed, or given up (null). */
  lassoed: (polygon: Polygon | null, mode: Mode) => void;
  /** A press that may become a lasso begins: nothing may move until it ends. */
  pressed: () => void;
  released: () => void;
  cursor: (cursor: "lasso" | "grab" | "grabbing") => void;
}

/** A press that moves less than this, in px, is a click. */
const CLICK_REACH = 4;

type Drag = { kind: "lasso"; lasso: Lasso; path: string } | { kind: "pan" } | { kind: "pinch" };

/** Turns pointer, wheel and touch events on the map into panning, zooming, clicks and lassos. */
export class MapPointer {
  private readonly down = new Map<number, { x: number; y: number }>();
  private start: { x: number; y: number } | null = null;
  private drag: Drag | null = null;
  private space = false;

  constructor(
    private readonly element: HTMLElement,
    private readonly camera: Camera,
    private readonly events: PointerEvents,
  ) {
    element.addEventListener("pointerdown", this.onDown);
    element.addEventListener("pointermove", this.onMove);
    element.addEventListener("pointerup", this.onUp);
    element.addEventListener("pointercancel", this.onCancel);
    element.addEventListener("pointerleave", this.onLeave);
    element.addEventListener("wheel", this.onWheel, { passive: false });
    element.addEventListener("dblclick", this.onDouble);
    element.addEventListener("contextmenu", prevent);
    window.addEventListener("keydown", this.onKey);
    window.addEventListener("keyup", this.onKey);
  }

  dispose(): void {
    window.removeEventListener("keydown", this.onKey);
    window.removeEventListener("keyup", this.onKey);
  }

  /** Whether a lasso is being drawn, or may begin with the next move. */
  get pressing(): boolean {
    return this.start !== null && this.drag?.kind !== "pan";
  }

  /** Give up the lasso that is being drawn; return whether there was one. */
  cancel(): boolean {
    const lassoing = this.drag?.kind === "lasso";
    this.drag = null;
    this.start = null;
    if (lassoing) this.events.lassoed(null, "new");
    this.events.released();
    return lassoing;
  }

  private readonly onDown = (event: PointerEvent): void => {
    const at = this.at(event);
    this.element.setPointerCapture(event.pointerId);
    this.down.set(event.pointerId, at);
    if (this.down.size === 2) {
      this.cancel();
      this.drag = { kind: "pinch" };
      return;
    }
    this.start = at;
    const panning = event.button !== 0 || this.space || this.events.tool() === "pan";
    if (panning) {
      this.drag = { kind: "pan" };
      this.events.cursor("grabbing");
    } else {
      this.drag = null;
      this.events.pressed();
    }
  };

  private readonly onMove = (event: PointerEvent): void => {
    const at = this.at(event);
    const before = this.down.get(event.pointerId);
    if (!before) return this.events.hover(at.x, at.y);
    if (this.drag?.kind === "pinch") return this.pinch(event.pointerId, at);
    this.down.set(event.pointerId, at);
    if (this.drag?.kind === "pan") {
      this.camera.pan(at.x - before.x, at.y - before.y);
      return this.events.cameraMoved();
    }
    if (!this.drag && this.start && Math.hypot(at.x - this.start.x, at.y - this.start.y) > CLICK_REACH) {
      this.drag = { kind: "lasso", lasso: new Lasso(), path: "" };
      this.extend(this.drag, this.start, modeOf(event));
    }
    if (this.drag?.kind === "lasso") this.extend(this.drag, at, modeOf(event));
  };

  private readonly onUp = (event: PointerEvent): void => {
    const at = this.at(event);
    const held = this.down.delete(event.pointerId);
    const { drag, start } = this;
    if (drag?.kind === "pinch" && this.down.size > 0) return;
    this.drag = null;
    this.start = null;
    this.restCursor();
    if (held && start) this.finish(event, drag, Math.hypot(at.x - start.x, at.y - start.y));
    this.events.released();
  };

  private finish(event: PointerEvent, drag: Drag | null, moved: number): void {
    const { x, y } = this.at(event);
    if (drag?.kind === "lasso") this.events.lassoed(drag.lasso.polygon(), modeOf(event));
    else if (moved <= CLICK_REACH && event.button === 0) this.events.click(x, y, modeOf(event));
  }

  private readonly onCancel = (event: PointerEvent): void => {
    this.down.delete(event.pointerId);
    this.cancel();
  };

  private readonly onLeave = (): void => this.events.leave();

  private readonly onWheel = (event: WheelEvent): void => {
    event.preventDefault();
    if (this.pressing) return; // the outline stands still on the screen, so must the map under it
    const { x, y } = this.at(event);
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    // A pinch on a touchpad arrives as a wheel with Ctrl, in much smaller steps.
    const step = event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0018);
    this.camera.zoomAt(x, y, Math.exp(-Math.min(0.6, Math.max(-0.6, step))));
    this.events.cameraMoved();
  };

  private readonly onDouble = (event: MouseEvent): void => {
    const { x, y } = this.at(event);
    if (this.events.doubled(x, y)) return;
    this.camera.zoomAt(x, y, 2);
    this.events.cameraMoved();
  };

  private readonly onKey = (event: KeyboardEvent): void => {
    const target = event.target as HTMLElement | null;
    if (event.key !== " " || target?.matches?.("input, textarea, button, a, summary")) return;
    event.preventDefault();
    this.space = event.type === "keydown";
    this.restCursor();
  };

  private extend(drag: Drag & { kind: "lasso" }, { x, y }: { x: number; y: number }, mode: Mode): void {
    if (!drag.lasso.add(x, y, this.camera.mapX(x), this.camera.mapY(y))) return;
    drag.path += `${drag.path ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    this.events.lassoing(drag.lasso.polygon(), drag.path, mode);
  }

  private pinch(pointer: number, at: { x: number; y: number }): void {
    const middle = this.middle();
    const distance = this.spread();
    this.down.set(pointer, at);
    const moved = this.middle();
    this.camera.pan(moved.x - middle.x, moved.y - middle.y);
    if (distance > 0) this.camera.zoomAt(moved.x, moved.y, this.spread() / distance);
    this.events.cameraMoved();
  }

  private middle(): { x: number; y: number } {
    const all = [...this.down.values()];
    return { x: all.reduce((s, p) => s + p.x, 0) / all.length, y: all.reduce((s, p) => s + p.y, 0) / all.length };
  }

  private spread(): number {
    const [a, b] = [...this.down.values()];
    return a && b ? Math.hypot(a.x - b.x, a.y - b.y) : 0;
  }

  private restCursor(): void {
    this.events.cursor(this.space || this.events.tool() === "pan" ? "grab" : "lasso");
  }

  private at(event: MouseEvent): { x: number; y: number } {
    const box = this.element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }
}

function modeOf(event: PointerEvent): Mode {
  return event.altKey ? "remove" : event.shiftKey ? "add" : "new";
}

function prevent(event: Event): void {
  event.preventDefault();
}
