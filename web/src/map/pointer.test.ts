import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Camera } from "./camera";
import type { Tool } from "../session/selecting";
import { MapPointer } from "./pointer";
import type { Shape } from "./shapes";

/** An element that hears events and lies at the corner of the window, until it is moved. */
class Ground extends EventTarget {
  left = 0;
  top = 0;

  setPointerCapture(): void {}
  getBoundingClientRect(): object {
    return { left: this.left, top: this.top };
  }
}

describe("the pointer", () => {
  let ground: Ground;
  let camera: Camera;
  let pointer: MapPointer;
  let told: string[];
  let tool: Tool;
  let fingerDraws: boolean;
  let drawn: Shape | null;
  let cursor: string;

  beforeEach(() => {
    vi.stubGlobal("window", new EventTarget());
    vi.stubGlobal("WheelEvent", { DOM_DELTA_LINE: 1 });
    ground = new Ground();
    camera = new Camera();
    camera.resize(800, 600);
    camera.set(camera.fitted());
    told = [];
    tool = "lasso";
    fingerDraws = false;
    pointer = new MapPointer(ground as unknown as HTMLElement, camera, {
      tool: () => tool,
      brush: () => 20,
      fingerDraws: () => fingerDraws,
      cameraMoved: () => told.push("moved"),
      hover: () => undefined,
      leave: () => undefined,
      click: () => told.push("click"),
      doubled: () => false,
      drawing: () => undefined,
      drawn: (shape) => {
        drawn = shape;
        told.push(shape ? "lassoed" : "given up");
      },
      pressed: () => told.push("pressed"),
      released: () => told.push("released"),
      cursor: (now) => (cursor = now),
    });
  });
  afterEach(() => {
    pointer.dispose();
    vi.unstubAllGlobals();
  });

  const tell = (type: string, clientX = 0, clientY = 0, more: object = {}): void =>
    void ground.dispatchEvent(
      Object.assign(new Event(type), { clientX, clientY, pointerId: 1, button: 0, deltaY: -300, deltaMode: 0, ...more }),
    );
  const draw = (): void => {
    tell("pointerdown", 100, 100);
    for (const [x, y] of [[200, 100], [200, 200], [100, 200]] as const) tell("pointermove", x, y);
  };

  test("the map is held from the press until after the lasso is told", () => {
    draw();
    expect([told, pointer.pressing]).toEqual([["pressed"], true]);
    tell("pointerup", 100, 150);
    expect([told, pointer.pressing]).toEqual([["pressed", "lassoed", "released"], false]);
  });

  test("the wheel does nothing to a lasso, and zooms after it", () => {
    draw();
    const before = camera.current;
    tell("wheel", 300, 300);
    expect(camera.current).toEqual(before);
    tell("pointerup", 100, 150);
    tell("wheel", 300, 300);
    expect(camera.zoom).toBeGreaterThan(1);
  });

  test("a click, a lasso given up and a cancelled pointer all release", () => {
    tell("pointerdown", 100, 100);
    tell("pointerup", 101, 100);
    expect(told).toEqual(["pressed", "click", "released"]);
    told.length = 0;
    draw();
    expect(pointer.cancel()).toBe(true);
    expect(told).toEqual(["pressed", "given up", "released"]);
    tell("pointerup");
    told.length = 0;
    draw();
    tell("pointercancel");
    expect(told).toEqual(["pressed", "given up", "released"]);
  });

  test("a second finger gives the lasso up and pinches; a panning press holds nothing", () => {
    draw();
    tell("pointerdown", 300, 300, { pointerId: 2 });
    expect(told).toEqual(["pressed", "given up", "released"]);
    tell("pointermove", 400, 400, { pointerId: 2 });
    expect(told.at(-1)).toBe("moved");
    tell("pointerup", 400, 400, { pointerId: 2 });
    tell("pointerup");
    told.length = 0;
    tell("pointerdown", 10, 10, { button: 2 });
    expect([told, pointer.pressing]).toEqual([[], false]);
  });

  test("Space moves the map while it is held, and is let go where the window loses the focus", () => {
    const key = (type: string): void => void window.dispatchEvent(Object.assign(new Event(type), { key: " " }));
    key("keydown");
    expect(cursor).toBe("grab");
    draw();
    expect(told).toEqual(["moved", "moved", "moved"]);
    tell("pointerup", 100, 200);
    window.dispatchEvent(new Event("blur"));
    expect(cursor).toBe("lasso");
    told.length = 0;
    draw();
    expect(told).toEqual(["pressed"]);
  });

  test("a box has four corners, a brush a path and a radius in map units", () => {
    tool = "box";
    draw();
    tell("pointermove", 300, 250);
    tell("pointerup", 300, 250);
    expect(drawn).toMatchObject({ kind: "box" });
    const { polygon } = drawn as Shape & { kind: "box" };
    expect([...polygon].map((value, i) => Math.round(i % 2 ? camera.screenY(value) : camera.screenX(value)))).toEqual([
      100, 100, 300, 100, 300, 250, 100, 250,
    ]);
    tool = "brush";
    tell("pointerdown", 100, 100);
    tell("pointermove", 150, 100);
    tell("pointerup", 150, 100);
    const stroke = drawn as Shape & { kind: "brush" };
    expect(stroke.path.length).toBe(4);
    expect(stroke.radius * camera.scale).toBeCloseTo(20);
  });

  test.each(["lasso", "brush", "box"] as const)("a canvas that moves leaves a %s where the hand draws it", (kind) => {
    tool = kind;
    const gone = (at: { left: number; top: number }): void => {
      Object.assign(ground, at);
      tell("pointermove", 220, 180); // the hand may be heard of before the size is
      camera.stretch(800 - at.left, 600 - at.top, { x: at.left, y: at.top });
    };
    const corners = (moves: boolean): number[] => {
      tell("pointerdown", 100, 100);
      tell("pointermove", 200, 100);
      if (moves) gone({ left: 300, top: 40 });
      else tell("pointermove", 220, 180);
      tell("pointermove", 150, 250);
      tell("pointerup", 150, 250);
      return [...(drawn!.kind === "brush" ? drawn!.path : drawn!.polygon)];
    };
    const still = corners(false);
    expect(still.length).toBe(8);
    const view = camera.current;
    corners(true).forEach((value, place) => expect(value).toBeCloseTo(still[place]!, 9));
    expect(camera.current).not.toEqual(view);
  });

  test("a map that is moved by hand goes by the hand, wherever its canvas goes meanwhile", () => {
    tool = "pan";
    camera.zoomAt(400, 300, 2);
    const { cx, scale } = camera;
    tell("pointerdown", 100, 100);
    ground.left = 300;
    tell("pointermove", 110, 100);
    expect(cx - camera.cx).toBeCloseTo(10 / scale, 9);
  });

  test("a dab of the brush is a shape, not a click", () => {
    tool = "brush";
    tell("pointerdown", 100, 100);
    tell("pointerup", 100, 100);
    expect(told).toEqual(["pressed", "lassoed", "released"]);
  });

  test("one finger moves the map; held, or with a tool taken by finger, it draws", () => {
    vi.useFakeTimers();
    const touch = { pointerType: "touch" };
    tell("pointerdown", 100, 100, touch);
    tell("pointermove", 150, 100, touch);
    tell("pointerup", 150, 100, touch);
    expect(told).toEqual(["moved", "released"]);
    told.length = 0;
    vi.stubGlobal("navigator", {});
    tell("pointerdown", 100, 100, touch);
    vi.advanceTimersByTime(400);
    for (const [x, y] of [[200, 100], [200, 200], [100, 200]] as const) tell("pointermove", x, y, touch);
    tell("pointerup", 100, 200, touch);
    expect(told).toEqual(["pressed", "lassoed", "released"]);
    told.length = 0;
    fingerDraws = true;
    tell("pointerdown", 100, 100, touch);
    for (const [x, y] of [[200, 100], [200, 200], [100, 200]] as const) tell("pointermove", x, y, touch);
    tell("pointerup", 100, 200, touch);
    expect(told).toEqual(["pressed", "lassoed", "released"]);
    vi.useRealTimers();
  });
});
