import { beforeEach, describe, expect, test } from "vitest";
import { Camera, between, ease } from "./camera";

describe("camera", () => {
  let camera: Camera;
  beforeEach(() => {
    camera = new Camera();
    camera.set(camera.fitted());
    camera.resize(1080, 720);
  });

  test("everything fits, with a margin, and y runs down", () => {
    expect(camera.scale).toBe(600);
    expect(camera.screenX(0.5)).toBe(540);
    expect(camera.screenY(0)).toBeCloseTo(36);
    expect(camera.screenY(1)).toBeCloseTo(636);
  });

  test("screen to map is the inverse of map to screen", () => {
    camera.zoomAt(100, 50, 3);
    expect(camera.mapX(camera.screenX(0.3))).toBeCloseTo(0.3, 12);
    expect(camera.mapY(camera.screenY(0.9))).toBeCloseTo(0.9, 12);
  });

  test("what lies under the pointer stays under it while zooming", () => {
    const [x, y] = [camera.mapX(700), camera.mapY(200)];
    camera.zoomAt(700, 200, 4);
    expect(camera.zoom).toBeCloseTo(4);
    expect(camera.screenX(x)).toBeCloseTo(700);
    expect(camera.screenY(y)).toBeCloseTo(200);
  });

  test("zoom has limits", () => {
    camera.zoomAt(548, 348, 1e-9);
    expect(camera.zoom).toBe(0.5);
    camera.zoomAt(548, 348, 1e12);
    expect(camera.zoom).toBe(2000);
  });

  test("zooming in leads to items, never to empty ground", () => {
    const items = [{ id: 0, x: 0.5, y: 0.5 }, { id: 1, x: 0.51, y: 0.5 }];
    camera.nearest = (x, y, reach, except) => {
      const far = (one: { x: number; y: number }): number => Math.hypot(one.x - x, one.y - y);
      const [found] = items.filter((one) => one.id !== except && far(one) < reach).sort((a, b) => far(a) - far(b));
      return found ?? null;
    };
    // The pointer is far from everything; the nearest item stays on the screen all the same.
    for (let step = 0; step < 40; step += 1) {
      camera.zoomAt(1000, 100, 1.5);
      expect(camera.screenX(0.51)).toBeLessThanOrEqual(1080);
      expect(camera.screenX(0.51)).toBeGreaterThanOrEqual(0);
      expect(camera.screenY(0.5)).toBeLessThanOrEqual(720);
    }
    expect(camera.screenX(0.51)).toBeCloseTo(0.3 * 1080);
    // Neighbours are never parted by more than half of the smaller side.
    expect(camera.scale * 0.01).toBeCloseTo(360);
    camera.zoomAt(1000, 100, 0.5);
    expect(camera.scale * 0.01).toBeCloseTo(180);
  });

  test("a pan moves what is shown with the pointer, and nobody gets lost", () => {
    const x = camera.mapX(500);
    camera.pan(40, 0);
    expect(camera.screenX(x)).toBeCloseTo(540);
    camera.pan(1e9, 1e9);
    expect([camera.cx, camera.cy]).toEqual([0, 0]);
  });

  test("a resized window still shows everything, unless one had zoomed", () => {
    camera.resize(680, 720);
    expect(camera.zoom).toBe(1);
    camera.zoomAt(100, 100, 2);
    const before = camera.current;
    camera.resize(1000, 1000);
    expect(camera.current).toEqual(before);
  });

  test("a box is shown whole", () => {
    camera.set(camera.around({ x0: 0.2, y0: 0.2, x1: 0.3, y1: 0.4 }));
    expect(camera.screenY(0.2)).toBeGreaterThan(0);
    expect(camera.screenY(0.4)).toBeLessThan(720);
    expect(camera.around({ x0: 0.2, y0: 0.2, x1: 0.2, y1: 0.2 }).scale).toBe(600 * 40);
  });

  test("views in between begin and end where they should", () => {
    const from = { cx: 0, cy: 0, scale: 100 };
    const to = { cx: 1, cy: 2, scale: 1600 };
    expect(between(from, to, 0)).toEqual(from);
    const end = between(from, to, 1);
    expect(end.cx).toBeCloseTo(1);
    expect(end.scale).toBeCloseTo(1600);
    expect(between(from, to, 0.5).scale).toBeCloseTo(400);
    expect(between(from, { ...from, cx: 3 }, 0.5).cx).toBeCloseTo(1.5);
    expect([ease(0), ease(0.5), ease(1)]).toEqual([0, 0.5, 1]);
  });
});
