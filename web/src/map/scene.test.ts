import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { MapPoints } from "../api/columns";
import { FILTERED, type Frame, LABELLED, PRESENT, type Progress, type Renderer, SELECTED } from "./renderer";
import { type Drawn, Scene } from "./scene";
import { type Look, PLAIN } from "./styles";
import type { FetchMosaic } from "./thumbnails";

/** A renderer that remembers. */
function recorder(): Renderer & { frames: Frame[]; calls: string[]; words: Uint32Array; progress: Progress[] } {
  const kept = {
    kind: "canvas" as const,
    mostPixels: 1e7,
    /** What the next drawings will say of themselves; complete after that. */
    progress: [] as Progress[],
    frames: [] as Frame[],
    calls: [] as string[],
    words: new Uint32Array(0),
    resize: () => void kept.calls.push("resize"),
    positions: () => void kept.calls.push("positions"),
    styles: (words: Uint32Array) => void (kept.words = words.slice()),
    upload: (_: number, slot: number) => void kept.calls.push(`upload ${slot}`),
    draw: (frame: Frame): Progress => {
      kept.frames.push({ ...frame, batches: frame.batches.map((batch) => ({ ...batch })) });
      return kept.progress.shift() ?? "complete";
    },
    dispose: () => undefined,
  };
  return kept;
}

const map = (...rows: [id: number, x: number, y: number][]): MapPoints => ({
  ids: Uint32Array.from(rows, (row) => row[0]),
  x: Float32Array.from(rows, (row) => row[1]),
  y: Float32Array.from(rows, (row) => row[2]),
  aspect: Float32Array.from(rows, () => 1),
});
const corners = map([0, 0, 0], [1, 1, 0], [2, 0, 1], [4, 1, 1]);
/** A look by item id: a colour for some, and who is selected. */
const look = (colours: number[], selected: number[] = []): Look => ({
  ...PLAIN,
  colours: Int32Array.from(colours),
  table: Uint8Array.of(9, 8, 7, 1, 2, 3),
  selected: Uint8Array.from(selected),
});
const shown = (frame: Frame | undefined): number => frame?.batches.reduce((sum, { count }) => sum + count, 0) ?? 0;

describe("scene", () => {
  let renderer: ReturnType<typeof recorder>;
  let scene: Scene;
  let drawn: Drawn[];
  let answer: (mosaic: Awaited<ReturnType<FetchMosaic>>) => void;
  let frameMs: number;

  beforeEach(() => {
    frameMs = 16;
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
    vi.stubGlobal("requestAnimationFrame", (draw: FrameRequestCallback) => setTimeout(() => draw(performance.now()), frameMs));
    vi.stubGlobal("cancelAnimationFrame", clearTimeout);
    renderer = recorder();
    scene = new Scene(renderer, () => new Promise((resolve) => (answer = resolve)));
    drawn = [];
    scene.onDrawn = (what) => drawn.push(what);
    scene.resize(800, 600, 1);
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  const settle = async (): Promise<void> => {
    await vi.advanceTimersByTimeAsync(3000);
    answer({ image: { width: 1024, height: 64 } as ImageData, missing: new Set() });
    await vi.advanceTimersByTimeAsync(3000);
  };

  test("draws the map with its pictures, says so, and then nothing more", async () => {
    scene.setMap(7, corners);
    scene.setStyles(look([0, 0], [0, 1]));
    await settle();
    expect(drawn.at(-1)).toEqual({ points: 4, visible: 4, thumbnails: 4, selected: 1, labelled: 2, map: 7, spread: false });
    expect(renderer.calls.filter((call) => call.startsWith("upload")).length).toBe(4);
    const frames = renderer.frames.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(renderer.frames.length).toBe(frames);
  });

  test("styles carry colour and bits; what is not on the map is not present", () => {
    scene.setMap(1, corners);
    scene.setStyles(look([-1, -1, -1, 1, 1], [0, 0, 0, 1, 1]));
    expect(renderer.words[4]! & 0xffffff).toBe(0x030201);
    expect((renderer.words[4]! >>> 24) & (SELECTED | LABELLED | PRESENT)).toBe(SELECTED | LABELLED | PRESENT);
    expect(renderer.words[3]).toBe(0);
  });

  test("what a filter holds back shows no picture, and is back when the filter goes", async () => {
    scene.setMap(1, corners);
    scene.setStyles({ ...PLAIN, passed: Uint8Array.of(1, 0, 1, 0, 0) });
    expect((renderer.words[1]! >>> 24) & FILTERED).toBe(FILTERED);
    await settle();
    expect(drawn.at(-1)).toMatchObject({ points: 4, thumbnails: 2 });
    scene.setStyles(PLAIN);
    await settle();
    expect(drawn.at(-1)).toMatchObject({ points: 4, thumbnails: 4 });
  });

  test("a second map moves there in time, view and items together", async () => {
    scene.setMap(1, corners);
    await settle();
    scene.setMap(2, map([0, 0, 0], [1, 3, 0], [2, 0, 1], [4, 1, 1]));
    await vi.advanceTimersByTimeAsync(600);
    const middle = renderer.frames.at(-1)!;
    expect(middle.t).toBeGreaterThan(0.2);
    expect(middle.t).toBeLessThan(0.8);
    expect(middle.still).toBe(false);
    await vi.advanceTimersByTimeAsync(2000);
    expect(renderer.frames.at(-1)).toMatchObject({ t: 1, still: true });
    expect(scene.camera.isHome()).toBe(true);
    expect(drawn.at(-1)?.map).toBe(2);
  });

  test("who has zoomed in stays there when a new map comes", async () => {
    scene.setMap(1, corners);
    await settle();
    scene.camera.zoomAt(400, 300, 8);
    scene.moved();
    const before = scene.camera.current;
    scene.setMap(2, map([0, 0, 0], [1, 3, 0]));
    await vi.advanceTimersByTimeAsync(3000);
    expect(scene.camera.current).toEqual(before);
  });

  test("while held nothing moves: the map that comes waits, and what moved has arrived", async () => {
    const told = vi.fn();
    scene.onMap = told;
    scene.setMap(1, corners);
    await settle();
    scene.setMap(2, map([0, 0, 0], [1, 3, 0], [2, 0, 1], [4, 1, 1]));
    await vi.advanceTimersByTimeAsync(400);
    const during = scene.camera.current;
    scene.hold();
    expect([scene.points.t, scene.points.x(1)]).toEqual([1, 3]);
    scene.setMap(3, map([0, 0, 0], [1, 0.5, 0.5]));
    await vi.advanceTimersByTimeAsync(3000);
    expect([scene.map, scene.newest, scene.points.x(1), told.mock.calls.length]).toEqual([2, 3, 3, 2]);
    expect(scene.camera.current).toEqual(during);
    scene.release();
    expect([scene.map, scene.newest, told.mock.calls.length]).toEqual([3, 3, 3]);
    await vi.advanceTimersByTimeAsync(3000);
    expect(scene.points.x(1)).toBe(0.5);
    expect(scene.camera.isHome()).toBe(true); // it followed the map before, and still does
  });

  test("only the newest of the maps that come while held is shown", async () => {
    scene.setMap(1, corners);
    scene.hold();
    scene.setMap(2, map([0, 0, 0]));
    scene.setMap(3, map([0, 1, 1], [1, 0, 0]));
    scene.release();
    scene.release();
    expect([scene.map, scene.points.ids.length]).toEqual([3, 2]);
  });

  test("the camera knows its corner after every size, held or not", () => {
    for (const corner of [{ x: 300, y: 40 }, { x: 20, y: 60 }]) {
      scene.resize(500, 600, 1, corner);
      expect(scene.camera.corner).toEqual(corner);
      scene.hold();
    }
  });

  test("while held a new size moves nothing; who saw everything sees everything afterwards", async () => {
    scene.setMap(1, corners);
    await settle();
    const places = (): number[] => [0, 1].flatMap((at) => [scene.camera.screenX(at), scene.camera.screenY(at)]);
    const before = places();
    scene.hold();
    for (const [width, height] of [[500, 600], [360, 740]] as const) {
      scene.resize(width, height, 1);
      places().forEach((place, k) => expect(place).toBeCloseTo(before[k]!, 6));
      expect([scene.camera.width, scene.camera.height]).toEqual([width, height]);
    }
    scene.release();
    await settle();
    expect(scene.camera.isHome()).toBe(true);
  });

  test("spread apart and back: everything moves, a map that comes meanwhile is spread too", async () => {
    scene.setMap(1, map([0, 0.4, 0.4], [1, 0.401, 0.4], [2, 0, 0], [3, 1, 1]));
    await settle();
    expect(drawn.at(-1)!.thumbnails).toBe(3); // 0 hides 1
    scene.spread(true);
    await vi.advanceTimersByTimeAsync(600);
    expect(renderer.frames.at(-1)!.t).toBeLessThan(0.9);
    await settle();
    expect(drawn.at(-1)).toMatchObject({ spread: true, map: 1, thumbnails: 4 });
    expect(Math.hypot(scene.points.x(0) - scene.points.x(1), scene.points.y(0) - scene.points.y(1))).toBeGreaterThan(0.2);
    scene.setMap(2, map([0, 0.4, 0.4], [1, 0.401, 0.4], [2, 1, 0], [3, 0, 1]));
    await settle();
    expect(drawn.at(-1)).toMatchObject({ spread: true, map: 2, thumbnails: 4 });
    scene.spread(false);
    await settle();
    expect(drawn.at(-1)).toMatchObject({ spread: false, map: 2, thumbnails: 3 });
    expect([scene.points.x(1), scene.points.y(2)]).toEqual([Math.fround(0.401), 0]);
  });

  test("while held nothing is spread apart, and nothing glides; released it is", async () => {
    scene.setMap(1, corners);
    await settle();
    scene.hold();
    scene.spread(true);
    const { cx, cy } = scene.camera;
    scene.glideTo({ cx: 0, cy: 0, scale: 9 });
    await settle();
    expect([scene.isSpread, scene.isHeld, scene.camera.cx, scene.camera.cy]).toEqual([false, true, cx, cy]);
    scene.release();
    await settle();
    expect(drawn.at(-1)).toMatchObject({ spread: true, map: 1 });
    scene.hold();
    scene.spread(false);
    await settle();
    expect(scene.isSpread).toBe(true);
    scene.release();
    await settle();
    expect(drawn.at(-1)).toMatchObject({ spread: false, map: 1 });
  });

  test("the item in the middle of a near view stays there when all are spread apart", async () => {
    scene.setMap(1, map([0, 0.1, 0.1], [1, 0.101, 0.1], [2, 0.3, 0.9], [3, 1, 1]));
    await settle();
    scene.camera.set({ cx: 0.1, cy: 0.1, scale: scene.camera.fitScale * 20 });
    scene.moved();
    const { scale } = scene.camera;
    scene.spread(true);
    await vi.advanceTimersByTimeAsync(3000);
    expect(scene.camera.cx).toBeCloseTo(scene.points.x(0), 5);
    expect(scene.camera.cy).toBeCloseTo(scene.points.y(0), 5);
    expect(scene.camera.scale).toBeCloseTo(scale, 5);
  });

  test("reduced motion moves at once", async () => {
    scene.reducedMotion = true;
    scene.setMap(1, corners);
    scene.setMap(2, map([0, 0.5, 0], [1, 1, 0]));
    expect(scene.points.t).toBe(1);
    await vi.advanceTimersByTimeAsync(50);
    expect(renderer.frames.every((frame) => frame.t === 1)).toBe(true);
  });

  test("a picture that is not complete is drawn on, and told when it is", async () => {
    renderer.progress = Array.from({ length: 100 }, (_, i) => (i % 3 ? "partial" : "skipped"));
    scene.setMap(1, corners);
    drawn.length = 0;
    await vi.advanceTimersByTimeAsync(1000);
    expect([drawn.length, renderer.progress.length > 20]).toEqual([0, true]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(drawn.length).toBe(1);
    const frames = renderer.frames.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(renderer.frames.length).toBe(frames);
  });

  test("more px than the renderer manages are drawn coarser", () => {
    scene.resize(4000, 3000, 2);
    expect(scene.camera.width).toBe(4000);
    scene.setMap(1, corners);
    scene.resize(4000, 3000, 2);
    expect(renderer.frames.at(-1)!.density).toBeCloseTo(Math.sqrt(1e7 / 12e6));
  });

  test("a context that came back empty gets everything again", async () => {
    scene.setMap(1, corners);
    await settle();
    renderer.calls.length = 0;
    scene.restore();
    await vi.advanceTimersByTimeAsync(300);
    expect(shown(renderer.frames.at(-1))).toBe(0);
    await settle();
    expect(renderer.calls.slice(0, 1)).toEqual(["positions"]);
    expect(shown(renderer.frames.at(-1))).toBe(4);
  });

  test("picks the picture under the pointer, the nearest dot, or nothing", async () => {
    scene.setMap(1, corners);
    await vi.advanceTimersByTimeAsync(3000);
    const [x, y] = [scene.camera.screenX(1), scene.camera.screenY(0)];
    expect(scene.pick(x + 3, y)).toBe(1);
    expect(scene.pick(x + 20, y)).toBe(-1);
    await settle();
    expect(scene.pick(x + 20, y)).toBe(1);
    expect(scene.pick(400, 300)).toBe(-1);
  });
});
