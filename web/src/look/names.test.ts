import { expect, test } from "vitest";
import type { Bounds } from "../map/polygon";
import { Cover, freeWays, placeNames, reachOn, type RegionName, regionNames } from "./names";

/** Clusters of items: class, middle, how many. */
function cluster(...groups: [of: number, x: number, y: number, count: number][]) {
  const items = groups.flatMap(([of, x, y, count]) => Array.from({ length: count }, (_, k) => ({ of, x: x + 0.01 * Math.cos(k), y: y + 0.01 * Math.sin(k) })));
  return {
    ids: Uint32Array.from(items, (_, id) => id),
    x: (id: number) => items[id]!.x,
    y: (id: number) => items[id]!.y,
    classOf: (id: number) => items[id]!.of,
    bounds: { x0: 0, y0: 0, x1: 1, y1: 1 },
  };
}

test("dense places are named by their majority, the unlabelled say nothing", () => {
  const names = regionNames(cluster([0, 0.2, 0.2, 30], [1, 0.8, 0.8, 20], [1, 0.2, 0.21, 6], [-1, 0.5, 0.5, 50], [2, 0.8, 0.2, 3]));
  expect(names.map(({ classId }) => classId)).toEqual([0, 1]);
  expect(names[0]!.x).toBeCloseTo(0.2, 2);
  expect(names[1]!.y).toBeCloseTo(0.8, 2);
  expect(names[0]!.weight).toBe(30);
});

test("a class in two far places has two names, a thin one none", () => {
  const names = regionNames(cluster([4, 0.1, 0.1, 40], [4, 0.9, 0.9, 30], [4, 0.9, 0.1, 6]));
  expect(names.map(({ x, y }) => [Math.round(10 * x), Math.round(10 * y)])).toEqual([[1, 1], [9, 9]]);
});

test("no name covers another or leaves the screen", () => {
  const at = (x: number, y: number, weight: number) => ({ classId: 0, x, y, weight });
  const placed = placeNames([at(100, 100, 9), at(120, 104, 5), at(100, 140, 3), at(-2, 200, 2), at(2, 300, 1)], {
    toScreen: ({ x, y }) => ({ x, y }),
    width: 400,
    height: 400,
    sizeOf: () => ({ width: 60, height: 20 }),
  });
  expect(placed.map(({ weight }) => weight)).toEqual([9, 3, 1]);
  expect(placed[0]).toMatchObject({ left: 70, top: 90 });
  expect(placed[2]).toMatchObject({ left: 4, top: 290 });
});

test("names take a fair share of the map, weightiest first, and nothing that lies over it", () => {
  const names = [100, 200, 300].map((y, place) => ({ classId: place, x: 100, y, weight: 9 - place }));
  const screen = { toScreen: ({ x, y }: { x: number; y: number }) => ({ x, y }), width: 400, height: 400, sizeOf: () => ({ width: 60, height: 20 }) };
  const placed = (more: Partial<Parameters<typeof placeNames>[1]>) => placeNames(names, { ...screen, ...more }).map(({ classId }) => classId);
  expect(placed({})).toEqual([0, 1, 2]);
  expect(placed({ most: 2 * 60 * 20 + 1 })).toEqual([0, 1]);
  expect(placed({ most: 60 * 20 - 1 })).toEqual([]);
  expect(placed({ taken: [{ x0: 0, y0: 180, x1: 80, y1: 240 }] })).toEqual([0, 2]);
});

/** Where a name of 64 x 24 px in the middle of a region goes on a screen of 400 x 400 px; others lie there already. */
function ways(pictures: Bounds[], names: RegionName[], reach = Infinity, taken: Bounds[] = []) {
  const room = { toScreen: ({ x, y }: RegionName) => ({ x, y }), sizeOf: () => ({ width: 64, height: 24 }), width: 400, height: 400, taken };
  const found = freeWays(names, new Cover(pictures, 400, 400), room, reach);
  return names.map((name) => found.get(name));
}
const region = (x: number, y: number, weight = 1): RegionName => ({ classId: weight, x, y, weight });

test("a name goes where it hides no picture, and stays in the middle where nothing is gained", () => {
  const picture = { x0: 160, y0: 168, x1: 239, y1: 223 };
  expect(ways([picture], [region(200, 196)])).toEqual([{ x: 0, y: -52 }]);
  expect(ways([picture], [region(200, 196)], 10)).toEqual([{ x: 0, y: 0 }]);
  expect(ways([], [region(200, 196)])).toEqual([{ x: 0, y: 0 }]);
  const everywhere = { x0: 0, y0: 0, x1: 399, y1: 399 };
  expect(ways([everywhere], [region(200, 196)])).toEqual([{ x: 0, y: 0 }]);
  expect(new Cover([picture], 400, 400).under({ x0: -50, y0: -50, x1: -9, y1: -9 })).toBe(0);
});

test("a name takes its next way where a weightier one lies in the best, and none where all are taken", () => {
  expect(ways([], [region(200, 200, 9), region(210, 204, 5)])).toEqual([{ x: 0, y: 0 }, { x: 0, y: 28 }]);
  const above = { x0: 0, y0: 0, x1: 400, y1: 210 };
  expect(ways([], [region(200, 200)], undefined, [above])).toEqual([{ x: 0, y: 28 }]);
  expect(ways([], [region(200, 200)], 20, [above])).toEqual([undefined]);
});

test("how far a name may go follows the map on the screen, and what one sees of it", () => {
  const screen = { width: 900, height: 750 };
  expect(reachOn({ x0: 300, y0: 200, x1: 640, y1: 550 }, screen)).toBeCloseTo(0.12 * 340);
  expect(reachOn({ x0: -4000, y0: -4000, x1: 4000, y1: 4000 }, screen)).toBeCloseTo(0.12 * 750);
});

test("what there is no room left for keeps no place from the next", () => {
  const room = { toScreen: ({ x, y }: RegionName) => ({ x, y }), width: 400, height: 400, most: 64 * 24 };
  const sizeOf = ({ weight }: RegionName) => ({ width: 10 * weight, height: 24 });
  const names = [region(200, 200, 9), region(210, 204, 6)];
  expect([...freeWays(names, new Cover([], 400, 400), { ...room, sizeOf }, 99).entries()]).toEqual([[names[1], { x: 0, y: 0 }]]);
});
