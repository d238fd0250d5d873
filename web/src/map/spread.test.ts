import { describe, expect, test } from "vitest";
import type { MapPoints } from "../api/columns";
import { selectFirst, Spreading } from "./spread";

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Items in tight groups on every third id; `groups` 0: all in one place. */
function clustered(n: number, groups: number): MapPoints {
  const next = random(3);
  const middles = Array.from({ length: groups }, () => [next(), next()] as const);
  const place = (i: number, k: 0 | 1): number => (groups === 0 ? 0.4 : middles[i % groups]![k] + 0.02 * (next() - 0.5));
  return {
    ids: Uint32Array.from({ length: n }, (_, i) => 3 * i),
    x: Float32Array.from({ length: n }, (_, i) => place(i, 0)),
    y: Float32Array.from({ length: n }, (_, i) => place(i, 1)),
    aspect: new Float32Array(n).fill(1),
  };
}

function spread(points: MapPoints): { cell: number; laid: MapPoints } {
  const spreading = new Spreading(points);
  expect(spreading.advance(Infinity)).toBe(true);
  return { cell: spreading.cell, laid: spreading.spread() };
}

describe("spreading", () => {
  test.each([[1, 1], [2, 0], [500, 5], [3000, 0], [5000, 12]])("%i items in %i groups lie a cell apart, none lost", (n, groups) => {
    const { cell, laid } = spread(clustered(n, groups));
    const taken = new Set<string>();
    for (let i = 0; i < n; i += 1) taken.add(`${Math.round(laid.x[i]! / cell - 0.5)} ${Math.round(laid.y[i]! / cell - 0.5)}`);
    expect(taken.size).toBe(n);
    const sorted = [...laid.x].sort((a, b) => a - b);
    const gaps = sorted.slice(1).map((x, i) => x - sorted[i]!).filter((gap) => gap > cell * 0.01);
    for (const gap of gaps) expect(gap).toBeGreaterThan(cell * 0.9);
  });

  test("groups stay together: most neighbours are of the same group", () => {
    const n = 3000;
    const { cell, laid } = spread(clustered(n, 6));
    let same = 0;
    let all = 0;
    for (let i = 0; i < n; i += 7)
      for (let j = 0; j < n; j += 1) {
        if (i === j || Math.abs(laid.x[i]! - laid.x[j]!) > 1.2 * cell || Math.abs(laid.y[i]! - laid.y[j]!) > 1.2 * cell) continue;
        all += 1;
        if (i % 6 === j % 6) same += 1;
      }
    expect(same / all).toBeGreaterThan(0.9);
  });

  test("what lies apart already stays in its cell", () => {
    const points: MapPoints = {
      ids: Uint32Array.from({ length: 4 }, (_, i) => i),
      x: Float32Array.of(0, 1, 0, 1),
      y: Float32Array.of(0, 0, 1, 1),
      aspect: new Float32Array(4).fill(1),
    };
    const { cell, laid } = spread(points);
    expect(cell).toBeCloseTo(1 / Math.ceil(Math.sqrt(1.6 * 4)));
    for (let i = 0; i < 4; i += 1) {
      expect(Math.abs(laid.x[i]! - points.x[i]!)).toBeLessThan(cell);
      expect(Math.abs(laid.y[i]! - points.y[i]!)).toBeLessThan(cell);
    }
  });

  test("many take slices, and the result is the same", () => {
    const points = clustered(40_000, 9);
    const sliced = new Spreading(points);
    let slices = 1;
    while (!sliced.advance(0)) slices += 1;
    expect(slices).toBeGreaterThan(10);
    expect(sliced.spread()).toEqual(spread(points).laid);
  });

  test("nothing is spread to nothing", () => {
    expect(spread(clustered(0, 1)).laid.x.length).toBe(0);
  });
});

test("the first n by key come first, whatever the keys", () => {
  const next = random(5);
  for (let round = 0; round < 200; round += 1) {
    const n = 2 + Math.floor(next() * 60);
    const of = Float32Array.from({ length: n }, () => Math.floor(next() * (round % 9)));
    const keys = of.slice();
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    const nth = 1 + Math.floor(next() * (n - 1));
    selectFirst(order, keys, 0, n - 1, nth);
    expect(keys).toEqual(Float32Array.from(order, (i) => of[i]!));
    expect(Math.max(...keys.slice(0, nth))).toBeLessThanOrEqual(Math.min(...keys.slice(nth)));
    expect(new Set(order).size).toBe(n);
  }
});
