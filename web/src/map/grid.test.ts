import { describe, expect, test } from "vitest";
import { CellGrid } from "./grid";
import { boundsOf, PointStore } from "./points";
import { idsInside, type Polygon } from "./polygon";

/** A small seeded generator, so that a failing case can be repeated. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Every second id on the map, in clusters and on round coordinates, where edges of cells and polygons meet. */
function scattered(n: number, seed = 1): PointStore {
  const next = random(seed);
  const points = new PointStore();
  const place = (i: number): number => (i % 5 === 0 ? Math.round(next() * 16) / 16 : (next() + next() + next()) / 3);
  points.set({
    ids: Uint32Array.from({ length: n }, (_, i) => 2 * i),
    x: Float32Array.from({ length: n }, (_, i) => place(i)),
    y: Float32Array.from({ length: n }, (_, i) => place(i)),
    aspect: new Float32Array(n).fill(1),
  });
  points.t = 1;
  return points;
}

const points = scattered(20_000);
const grid = CellGrid.of(points);

describe("the ids inside a lasso", () => {
  const agree = (polygon: Polygon): number => {
    const found = grid.inside(polygon);
    expect(found).toEqual(idsInside(polygon, points.ids, points));
    return found.length;
  };

  test("are those with a non-zero winding number, for any scribble", () => {
    const next = random(7);
    let sum = 0;
    for (let round = 0; round < 60; round += 1) {
      const corners = 3 + Math.floor(next() * 40);
      const size = 0.02 + next() * 1.4;
      sum += agree(Float64Array.from({ length: 2 * corners }, () => 0.5 + (next() - 0.5) * size));
    }
    expect(sum).toBeGreaterThan(20_000);
  });

  test("also where its edges lie on cells' edges and on items", () => {
    expect(agree(Float64Array.of(0.25, 0.25, 0.75, 0.25, 0.75, 0.75, 0.25, 0.75))).toBeGreaterThan(1000);
    expect(agree(Float64Array.of(0.75, 0.75, 0.25, 0.75, 0.25, 0.25, 0.75, 0.25))).toBeGreaterThan(1000);
    agree(Float64Array.of(0.5, 0, 1, 0.5, 0.5, 1, 0, 0.5));
  });

  test("are all within a lasso around everything, and none where there is no area", () => {
    expect(agree(Float64Array.of(-1, -1, 2, -1, 2, 2, -1, 2))).toBe(20_000);
    expect(agree(Float64Array.of(-9, 0.5, 9, 0.5, 9, 0.50001, -9, 0.5))).toBeLessThan(20_000);
    expect(agree(Float64Array.of(0.2, 0.5, 0.8, 0.5, 0.4, 0.5))).toBe(0);
    expect(agree(Float64Array.of(3, 3, 4, 3, 4, 4))).toBe(0);
  });
});

test("the nearest item is the one that a search of all finds", () => {
  const next = random(3);
  for (let round = 0; round < 200; round += 1) {
    const [x, y, reach] = [next() * 1.2 - 0.1, next() * 1.2 - 0.1, next() * 0.05];
    let nearest = -1;
    let least = reach ** 2;
    for (const id of points.ids) {
      const distance = (points.x(id) - x) ** 2 + (points.y(id) - y) ** 2;
      if (distance < least) [nearest, least] = [id, distance];
    }
    expect(grid.nearest(x, y, reach)).toBe(nearest);
  }
});

test("items in a box are counted", () => {
  const next = random(5);
  for (let round = 0; round < 100; round += 1) {
    const [x0, y0] = [next() - 0.1, next() - 0.1];
    const box = { x0, y0, x1: x0 + next() ** 3, y1: y0 + next() ** 3 };
    const within = points.ids.filter((id) => {
      const [x, y] = [points.x(id), points.y(id)];
      return x >= box.x0 && x <= box.x1 && y >= box.y0 && y <= box.y1;
    });
    expect(grid.count(box)).toBe(within.length);
  }
});

test("the ids around a box are all of its items, ascending, and few more; or none are told", () => {
  const next = random(9);
  for (let round = 0; round < 50; round += 1) {
    const [x0, y0] = [next() * 0.9, next() * 0.9];
    const box = { x0, y0, x1: x0 + 0.1, y1: y0 + 0.02 };
    const found = grid.around(box)!;
    const within = points.ids.filter((id) => {
      const [x, y] = [points.x(id), points.y(id)];
      return x >= box.x0 && x <= box.x1 && y >= box.y0 && y <= box.y1;
    });
    expect(found).toEqual(found.slice().sort());
    const told = new Set(found);
    expect(within.every((id) => told.has(id))).toBe(true);
    expect(found.length).toBeLessThan(within.length + 400);
    if (found.length > 0) expect(grid.around(box, found.length - 1)).toBe(null);
  }
  expect(CellGrid.of(points).around({ x0: 0, y0: 0, x1: 1, y1: 1 }), "not sorted yet").toBe(null);
});

test("items are sorted in slices, and none is too few to be sorted", () => {
  const sliced = CellGrid.of(scattered(100_000));
  let slices = 1;
  while (!sliced.advance(0)) slices += 1;
  expect(slices).toBe(8); // of 32,768 items, in two rounds
  expect(CellGrid.of(new PointStore()).inside(Float64Array.of(0, 0, 1, 0, 1, 1)).length).toBe(0);
  const alone = CellGrid.of(scattered(1));
  expect(alone.count({ x0: -1, y0: -1, x1: 2, y1: 2 })).toBe(1);
});

test("an item without a place is inside nothing", () => {
  const lost = scattered(3);
  lost.b[2] = NaN;
  lost.bounds = boundsOf(Float32Array.of(0, NaN, 1), Float32Array.of(0, 0.5, 1));
  expect([lost.bounds.x0, lost.bounds.x1]).toEqual([0, 1]);
});
