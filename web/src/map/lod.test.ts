import { describe, expect, test } from "vitest";
import { Camera } from "./camera";
import { baseSize, Choice, spreadSize, thumbnailSize, Winners } from "./lod";
import { PointStore } from "./points";
import type { Bounds } from "./polygon";

function store(rows: [x: number, y: number][]): PointStore {
  const points = new PointStore();
  points.set({
    ids: Uint32Array.from(rows, (_, i) => i),
    x: Float32Array.from(rows, (row) => row[0]),
    y: Float32Array.from(rows, (row) => row[1]),
    aspect: new Float32Array(rows.length).fill(1),
  });
  return points;
}

function scattered(n: number): PointStore {
  let state = 1;
  const next = (): number => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return store(Array.from({ length: n }, () => [next(), next()]));
}

function choose(points: PointStore, ...rest: [box: Bounds, distance: number, most: number]): Uint32Array {
  const choice = new Choice(points, ...rest);
  expect(choice.advance(Infinity)).toBe(true);
  return choice.ids();
}

const all = { x0: 0, y0: 0, x1: 1, y1: 1 };

describe("which thumbnails show", () => {
  test("the lowest id wins its place; the far one shows too", () => {
    const points = store([[0.5, 0.5], [0.52, 0.5], [0.9, 0.9]]);
    expect([...choose(points, all, 0.1, 10)]).toEqual([0, 2]);
  });

  test("near in x but not in y is not near", () => {
    expect(choose(store([[0.5, 0.1], [0.5, 0.3]]), all, 0.1, 10).length).toBe(2);
  });

  test("no two winners are near, and every loser is near a winner with a lower id", () => {
    const points = scattered(2000);
    const distance = 0.05;
    const winners = [...choose(points, all, distance, 1e9)];
    const near = (i: number, j: number): boolean =>
      Math.abs(points.b[2 * i]! - points.b[2 * j]!) < distance &&
      Math.abs(points.b[2 * i + 1]! - points.b[2 * j + 1]!) < distance;
    for (const i of winners) for (const j of winners) if (i < j) expect(near(i, j)).toBe(false);
    for (let id = 0; id < 2000; id += 1)
      if (!winners.includes(id)) expect(winners.some((winner) => winner < id && near(winner, id))).toBe(true);
  });

  test("what lies outside the box neither shows nor takes a place", () => {
    const points = store([[1.01, 0.5], [0.99, 0.5]]);
    expect([...choose(points, all, 0.1, 10)]).toEqual([1]);
  });

  test("there is a most, and nowhere is nothing", () => {
    expect(choose(scattered(500), all, 0.001, 20).length).toBe(20);
    expect(choose(store([]), all, 0.1, 10).length).toBe(0);
    expect(choose(store([[NaN, 0.5]]), all, 0.1, 10).length).toBe(0);
  });
});

describe("winners", () => {
  const sizes = { base: 40, most: 200 };

  test("they stay while one pans or zooms a little, and change at the next level", () => {
    const camera = new Camera();
    camera.resize(800, 800);
    const points = scattered(3000);
    const winners = new Winners();
    winners.update(points, camera, sizes, 4000);
    const before = winners.ids;
    camera.pan(50, 0);
    camera.zoomAt(400, 400, 1.1);
    winners.update(points, camera, sizes, 4000);
    expect(winners.ids).toBe(before);
    camera.zoomAt(400, 400, 2);
    winners.update(points, camera, sizes, 4000);
    const nearer = winners.ids;
    expect(nearer).not.toEqual(before);
    winners.invalidate();
    winners.update(points, camera, sizes, 4000);
    expect(winners.ids).not.toBe(nearer);
    expect(winners.ids).toEqual(nearer);
  });

  test("of many they are chosen in slices, and the ones before stay until all are known", () => {
    const camera = new Camera();
    camera.resize(800, 800);
    const points = scattered(100_000);
    const winners = new Winners();
    const whole = new Winners();
    let slices = 1;
    while (!winners.update(points, camera, sizes, 4000, { ms: 0 })) {
      expect(winners.ids.length).toBe(0);
      slices += 1;
    }
    expect(slices).toBe(7); // of 16,384 items
    whole.update(points, camera, sizes, 4000);
    expect(winners.ids).toEqual(whole.ids);
    winners.invalidate();
    const before = winners.ids;
    expect(winners.update(points, camera, sizes, 4000, { ms: 0 })).toBe(false);
    expect(winners.ids).toBe(before);
  });

  test("what is not allowed neither shows nor takes a place", () => {
    const camera = new Camera();
    camera.resize(800, 800);
    const points = scattered(50);
    const winners = new Winners();
    winners.update(points, camera, sizes, 4000, { allowed: (id) => id % 2 === 1 });
    const kept = [...winners.ids];
    expect(kept.length).toBeGreaterThan(5);
    expect(kept.every((id) => id % 2 === 1)).toBe(true);
  });
});

describe("spread apart", () => {
  const sizes = { base: 40, most: 200 };
  const grid = (side: number): PointStore =>
    store(Array.from({ length: side * side }, (_, i) => [(i % side) / side, Math.floor(i / side) / side] as [number, number]));

  test("all show where they can be told apart and kept, else as many as have room; never nearer than they are large", () => {
    const camera = new Camera();
    camera.resize(900, 900);
    for (const [side, all] of [[20, true], [60, true], [100, false]] as const) {
      const points = grid(side);
      const winners = new Winners();
      winners.update(points, camera, sizes, 8000, { cell: 1 / side });
      expect(winners.ids.length === side * side).toBe(all);
      expect(winners.ids.length).toBeGreaterThan(250);
      for (const zoom of [1, 1.18]) expect(spreadSize(winners.distance * camera.fitScale * zoom, sizes)).toBeLessThan(winners.distance * camera.fitScale * zoom);
    }
  });

  test("the winners of before keep their distance until the new ones are known", () => {
    const camera = new Camera();
    camera.resize(900, 900);
    const points = scattered(60_000);
    const winners = new Winners();
    winners.update(points, camera, sizes, 8000, { cell: 1 / 300 });
    const { distance } = winners;
    camera.zoomAt(450, 450, 4);
    expect(winners.update(points, camera, sizes, 8000, { cell: 1 / 300, ms: 0 })).toBe(false);
    expect(winners.distance).toBe(distance);
  });
});

test("thumbnails begin larger where there are few, and grow slower than the zoom", () => {
  expect(baseSize(10, 1000, 700)).toBe(72);
  expect(baseSize(100_000, 1000, 700)).toBe(30);
  expect(baseSize(3000, 1600, 1000)).toBeCloseTo(42);
  const sizes = { base: 40, most: 200 };
  expect(thumbnailSize(1, sizes)).toBe(40);
  expect(thumbnailSize(4, sizes)).toBe(80);
  expect(thumbnailSize(1e6, sizes)).toBe(200);
});
