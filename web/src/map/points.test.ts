import { expect, test } from "vitest";
import type { MapPoints } from "../api/columns";
import { PointStore } from "./points";

function map(rows: [id: number, x: number, y: number][]): MapPoints {
  return {
    ids: Uint32Array.from(rows, (row) => row[0]),
    x: Float32Array.from(rows, (row) => row[1]),
    y: Float32Array.from(rows, (row) => row[2]),
    aspect: Float32Array.from(rows, () => 1),
  };
}

test("the first map fades in at its place", () => {
  const points = new PointStore();
  points.set(map([[0, 0.25, 0.5], [3, 0.75, 0.25]]));
  expect([points.x(3), points.y(3)]).toEqual([0.75, 0.25]);
  expect(points.fresh[3]).toBe(1);
  expect([points.has(0), points.has(1), points.has(3)]).toEqual([true, false, true]);
  expect(points.size).toBe(4);
  expect(points.bounds).toEqual({ x0: 0.25, y0: 0.25, x1: 0.75, y1: 0.5 });
});

test("the next map moves what was there and fades in what was not", () => {
  const points = new PointStore();
  points.set(map([[0, 0, 0]]));
  points.t = 1;
  points.set(map([[0, 1, 1], [5000, 0.5, 0.5]]));
  expect(points.x(0)).toBe(0);
  points.t = 0.5;
  expect(points.x(0)).toBe(0.5);
  expect(points.x(5000)).toBe(0.5);
  expect([points.fresh[0], points.fresh[5000]]).toEqual([0, 1]);
});

test("a map that comes during a move starts from where things are", () => {
  const points = new PointStore();
  points.set(map([[0, 0, 0]]));
  points.t = 1;
  points.set(map([[0, 1, 0]]));
  points.t = 0.25;
  points.set(map([[0, 0, 1]]));
  expect([points.x(0), points.y(0)]).toEqual([0.25, 0]);
  points.t = 1;
  expect([points.x(0), points.y(0)]).toEqual([0, 1]);
});

test("an item that left the map is gone, and may come back", () => {
  const points = new PointStore();
  points.set(map([[0, 0, 0], [1, 1, 1]]));
  points.set(map([[0, 0, 0]]));
  expect(points.has(1)).toBe(false);
  points.set(map([[0, 0, 0], [1, 0.5, 0.5]]));
  expect([points.has(1), points.fresh[1]]).toEqual([true, 1]);
});

test("an empty map has bounds too", () => {
  const points = new PointStore();
  points.set(map([]));
  expect(points.bounds).toEqual({ x0: 0, y0: 0, x1: 1, y1: 1 });
});
