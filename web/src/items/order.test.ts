import { expect, test } from "vitest";
import { byDoubt, fromCentre } from "./order";

const spots = {
  at: [[0, 0], [0.5, 0.5], [0.4, 0.5], [1, 1], [0.5, 0.52]] as const,
  has: (id: number) => id in spots.at,
  x: (id: number): number => spots.at[id]![0],
  y: (id: number): number => spots.at[id]![1],
};

test("the middle comes first, what lies on no map last", () => {
  expect([...fromCentre(Uint32Array.of(0, 1, 2, 3, 4, 9), spots)]).toEqual([1, 4, 2, 0, 3, 9]);
  expect([...fromCentre(new Uint32Array(0), spots)]).toEqual([]);
  expect([...fromCentre(Uint32Array.of(8, 9), spots)]).toEqual([8, 9]);
});

test("the least certain comes first, equal ones by id", () => {
  expect([...byDoubt(Uint32Array.of(0, 1, 2, 3, 7), Float32Array.of(0.9, 0.2, 0, 0.2))]).toEqual([1, 3, 0, 2, 7]);
});

test("200,000 are ordered as a slow sort does", () => {
  const n = 200_000;
  const confidence = Float32Array.from({ length: n }, (_, i) => ((i * 7919) % 1009) / 1009);
  const slow = Array.from({ length: n }, (_, i) => i).sort(
    (a, b) => (confidence[a] || Infinity) - (confidence[b] || Infinity) || a - b,
  );
  expect([...byDoubt(Uint32Array.from({ length: n }, (_, i) => i), confidence)]).toEqual(slow);
});
