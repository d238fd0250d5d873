import type { Mode, Tool } from "../session/selecting";
import type { Camera, Place } from "./camera";
import { begin, type Drawing, type Shape } from "./shapes";

/** What the pointer means, told to the page. */
export interface PointerEvents {
  tool: () => Tool;
  /** The brush's radius in px. */
  brush: () => number;
  /** Whether one finger draws at once; else it moves the map, and draws when it was held. */
  fingerDraws: () => boolean;
  cameraMoved: () => void;
  hover: (x: number, y: number) => void;
  leave: () => void;
  click: (x: number, y: number, mode: Mode) => void;
  /** A double click; true where it meant an item, so that it does not zoom. */
  doubled: (x: number, y: number) => boolean;
  /** A shape grew. */
  drawing: (drawing: Drawing, mode: Mode) => void;
  /** A shape was finished, or given up (null). */
  drawn: (shape: Shape | null, mode: Mode) => void;
  /** A press that may become a shape begins: nothing may move until it ends. */
  pressed: () => void;
  released: () => void;
  cursor: (cursor: "lasso" | "grab" | "grabbing") => void;
}

/** A press that moves less than this, in px, is a click. */
const CLICK_REACH = 4;

/** A finger that rests this long draws. */
const HOLD_MS = 350;

type Drag = { kind: "draw"; drawing: Drawing } | { kind: "pan" } | { kind: "pinch" };

/** Turns pointer, wheel and touch events on the map into panning, zooming, clicks and shapes. */
export class MapPointer {
  // Presses are in px of the window: the canvas may go elsewhere while they last.
  private readonly down = new Map<number, Place>();
  private start: Place | null = null;
  private drag: Drag | null = null;
  private space = false;
  private holding: ReturnType<typeof setTimeout> | undefined;

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
    window.addEventListener("blur", this.onBlur);
  }

  dispose(): void {
    window.removeEventListener("keydown", this.onKey);
    window.removeEventListener("keyup", this.onKey);
    window.removeEventListener("blur", this.onBlur);
  }

  /** Whether a shape is being drawn, or may begin with the next move. */
  get pressing(): boolean {
    return this.start !== null && this.drag?.kind !== "pan";
  }

  /** Give up the shape that is being drawn; return whether there was one. */
  cancel(): boolean {
    const drawing = this.drag?.kind === "draw";
    clearTimeout(this.holding);
    this.drag = null;
    this.start = null;
    if (drawing) this.events.drawn(null, "new");
    this.events.released();
    return drawing;
  }

  private readonly onDown = (event: PointerEvent): void => {
    const at = inWindow(event);
    this.element.setPointerCapture(event.pointerId);
    this.down.set(event.pointerId, at);
    if (this.down.size === 2) {
      this.cancel();
      this.drag = { kind: "pinch" };
      return;
    }
    this.start = at;
    const finger = event.pointerType === "touch" && !this.events.fingerDraws();
    const panning = event.button !== 0 || this.space || this.events.tool() === "pan";
    if (panning || finger) {
      this.drag = { kind: "pan" };
      this.events.cursor("grabbing");
      if (finger && this.events.tool() !== "pan") this.holding = setTimeout(() => this.hold(), HOLD_MS);
      return;
    }
    this.drag = null;
    this.press();
    if (this.events.tool() === "brush") this.draw(at, modeOf(event));
  };

  /** From here on the map stands still in the window. */
  private press(): void {
    this.camera.corner = cornerOf(this.element);
    this.events.pressed();
  }

  /** A finger has rested: from here on it draws. */
  private hold(): void {
    if (!this.start || this.drag?.kind !== "pan") return;
    this.drag = null;
    this.press();
    navigator.vibrate?.(12);
    this.draw(this.start, "new");
  }

  /** Begin a shape at a place of the window. */
  private draw(at: Place, mode: Mode): void {
    const tool = this.events.tool();
    if (tool === "pan") return;
    this.drag = { kind: "draw", drawing: begin(tool, this.camera, this.events.brush()) };
    this.extend(this.drag.drawing, at, mode);
  }

  private readonly onMove = (event: PointerEvent): void => {
    const at = inWindow(event);
    const before = this.down.get(event.pointerId);
    if (!before) return this.hover(event);
    if (this.drag?.kind === "pinch") return this.pinch(event.pointerId, at);
    this.down.set(event.pointerId, at);
    if (this.drag?.kind === "pan") {
      // A finger is never quite still: it holds until it has gone further than a click may.
      if (this.start && Math.hypot(at.x - this.start.x, at.y - this.start.y) > CLICK_REACH) clearTimeout(this.holding);
      this.camera.pan(at.x - before.x, at.y - before.y);
      return this.events.cameraMoved();
    }
    if (!this.drag && this.start && Math.hypot(at.x - this.start.x, at.y - this.start.y) > CLICK_REACH)
      this.draw(this.start, modeOf(event));
    if (this.drag?.kind === "draw") this.extend(this.drag.drawing, at, modeOf(event));
  };

  private hover(event: PointerEvent): void {
    const { x, y } = this.at(event);
    this.events.hover(x, y);
  }

  private readonly onUp = (event: PointerEvent): void => {
    const at = inWindow(event);
    const held = this.down.delete(event.pointerId);
    const { drag, start } = this;
    clearTimeout(this.holding);
    if (drag?.kind === "pinch" && this.down.size > 0) return;
    this.drag = null;
    this.start = null;
    this.restCursor();
    if (held && start) this.finish(event, drag, Math.hypot(at.x - start.x, at.y - start.y));
    this.events.released();
  };

  private finish(event: PointerEvent, drag: Drag | null, moved: number): void {
    const { x, y } = this.at(event);
    if (drag?.kind === "draw") this.events.drawn(drag.drawing.shape(), modeOf(event));
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
    if (event.key !== " " || target?.matches?.("input, textarea, button, a, summary, [role=option]")) return;
    event.preventDefault();
    this.space = event.type === "keydown";
    this.restCursor();
  };

  /** The window will not hear the key let go. */
  private readonly onBlur = (): void => {
    this.space = false;
    this.restCursor();
  };

  private extend(drawing: Drawing, at: Place, mode: Mode): void {
    if (drawing.add(at)) this.events.drawing(drawing, mode);
  }

  private pinch(pointer: number, at: Place): void {
    const middle = this.middle();
    const distance = this.spread();
    this.down.set(pointer, at);
    const moved = this.middle();
    this.camera.pan(moved.x - middle.x, moved.y - middle.y);
    const { x, y } = this.onScreen(moved);
    if (distance > 0) this.camera.zoomAt(x, y, this.spread() / distance);
    this.events.cameraMoved();
  }

  private middle(): Place {
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

  private at(event: MouseEvent): Place {
    return this.onScreen(inWindow(event));
  }

  /** A place of the window in px of the canvas, wherever that is now. */
  private onScreen({ x, y }: Place): Place {
    const { x: left, y: top } = cornerOf(this.element);
    return { x: x - left, y: y - top };
  }
}

/** Where the upper left corner of an element lies in the window. */
export function cornerOf(element: Element): Place {
  const { left, top } = element.getBoundingClientRect();
  return { x: left, y: top };
}

function inWindow({ clientX, clientY }: MouseEvent): Place {
  return { x: clientX, y: clientY };
}

function modeOf(event: PointerEvent): Mode {
  return event.altKey ? "remove" : event.shiftKey ? "add" : "new";
}

function prevent(event: Event): void {
  event.preventDefault();
}
