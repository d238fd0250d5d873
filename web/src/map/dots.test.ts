import { beforeEach, describe, expect, test } from "vitest";
import { DotPicture, type DotView } from "./dots";
import { CellGrid } from "./grid";
import { PointStore } from "./points";
import { StyleSheet, PLAIN } from "./styles";

const BACK = 0xff000000;
const still: DotView = {
  width: 100,
  height: 80,
  scale: 100,
  cx: 0.5,
  cy: 0.4,
  t: 1,
  diameter: 4,
  dim: false,
  dot: [200, 100, 50],
  chosen: [250, 240, 230],
  background: [0, 0, 0],
};

function scattered(n: number): PointStore {
  let state = 1;
  const next = (): number => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const points = new PointStore();
  const [x, y] = [0, 1].map(() => Float32Array.from({ length: n }, () => next() * 2 - 0.5)) as [Float32Array, Float32Array];
  points.set({ ids: Uint32Array.from({ length: n }, (_, id) => id), x, y, aspect: x });
  points.t = 1;
  return points;
}

describe("the picture of dots", () => {
  let picture: DotPicture;
  const lay = (points: PointStore): void => {
    const styles = new StyleSheet();
    styles.apply(points, PLAIN);
    picture.take(points, styles.words);
  };
  const one = (x: number, y: number): void => {
    const points = new PointStore();
    points.set({ ids: Uint32Array.of(0), x: Float32Array.of(x), y: Float32Array.of(y), aspect: Float32Array.of(1) });
    lay(points);
  };
  const finish = (view: DotView): Uint32Array => {
    picture.aim(view);
    while (!picture.advance(Infinity));
    return picture.pixels.slice();
  };

  beforeEach(() => void (picture = new DotPicture()));

  test("a dot lies round its place, blended by how much of a px it covers", () => {
    one(0.5, 0.4);
    const pixels = finish({ ...still, diameter: 2 });
    const at = (x: number, y: number): number => pixels[y * 100 + x]!;
    // The place is the corner of four px, whose middles lie 0.71 px away: 0.79 of each is covered, 0.62 opaque.
    const alpha = (Math.round(256 * (1.5 - Math.SQRT1_2)) * Math.round(256 * 0.62)) >> 8;
    for (const [x, y] of [[49, 39], [50, 39], [49, 40], [50, 40]] as const)
      expect([at(x, y) & 255, (at(x, y) >>> 8) & 255, (at(x, y) >>> 16) & 255, at(x, y) >>> 24]).toEqual([
        (200 * alpha) >> 8, (100 * alpha) >> 8, (50 * alpha) >> 8, 255,
      ]);
    expect([at(48, 39), at(51, 40)]).toEqual([BACK, BACK]);
    expect(pixels.filter((px) => px !== BACK).length).toBe(4);
  });

  test("dots at the edge are cut, and those beyond are not drawn", () => {
    one(0, 0.4);
    expect(finish(still).filter((px) => px !== BACK).length).toBe(8); // half of 16, all within reach
    one(-0.5, 0.4);
    expect(finish(still).every((px) => px === BACK)).toBe(true);
  });

  test("a shifted picture is the picture drawn anew", () => {
    for (const [dx, dy] of [[7, 0], [-7, 0], [0, 9], [0, -9], [31, -22], [-3, 17], [99, 1], [250, 0]] as const) {
      lay(scattered(4000));
      finish(still);
      const moved = { ...still, cx: still.cx - dx / 100, cy: still.cy - dy / 100 };
      const shifted = finish(moved);
      lay(scattered(4000));
      // The order in which dots are blended differs where they overlap on the border: by a shade at most.
      const fresh = finish(moved);
      let unlike = 0;
      for (let i = 0; i < fresh.length; i += 1) if (fresh[i] !== shifted[i]) unlike += 1;
      expect(unlike).toBe(0);
    }
  });

  test("of many, those near what comes into sight are asked for, and the picture is the same", () => {
    const many = scattered(60_000);
    const grid = CellGrid.of(many);
    grid.advance(Infinity);
    for (const [dx, dy] of [[3, 0], [-2, 1], [0, -3]] as const) {
      lay(many);
      finish(still);
      const asked: number[] = [];
      const moved = { ...still, cx: still.cx - dx / 100, cy: still.cy - dy / 100 };
      picture.aim(moved, (box, most) => {
        const found = grid.around(box, most);
        asked.push(found?.length ?? -1);
        return found;
      });
      expect(picture.advance(0), "nothing is left to draw").toBe(true);
      const shifted = picture.pixels.slice();
      expect(asked.length).toBe(dx && dy ? 2 : 1);
      for (const count of asked) expect(count).toBeLessThan(15_000);
      lay(many);
      expect(shifted).toEqual(finish(moved));
    }
  });

  test("where those that come into sight are not known or too many, a sample of everything comes first", () => {
    lay(scattered(60_000));
    finish(still);
    picture.aim({ ...still, cx: 0.6 }, () => null);
    expect(picture.advance(0)).toBe(false);
  });

  test("slices add up to the whole, and the first is a sample", () => {
    lay(scattered(30_000));
    const whole = finish(still);
    lay(scattered(30_000));
    picture.aim(still);
    expect(picture.advance(0)).toBe(false);
    const sample = picture.pixels.filter((px) => px !== BACK).length;
    expect(sample).toBeGreaterThan(100);
    let slices = 1;
    while (!picture.advance(0)) {
      picture.aim({ ...still });
      slices += 1;
    }
    expect(slices).toBe(3);
    expect(picture.pixels).toEqual(whole);
  });

  test("a shift in the middle of the work loses nothing", () => {
    lay(scattered(30_000));
    picture.aim(still);
    picture.advance(0);
    const moved = { ...still, cx: 0.7 };
    const shifted = finish(moved);
    lay(scattered(30_000));
    expect(shifted).toEqual(finish(moved));
  });

  test("items move with t", () => {
    const points = scattered(1);
    points.a.set([0.5, 0.4]);
    points.b.set([0.9, 0.4]);
    lay(points);
    expect(finish({ ...still, t: 0.5 })[40 * 100 + 70]).not.toBe(BACK);
  });
});
