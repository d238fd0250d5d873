import { expect, test } from "vitest";
import { confusion, labelRate } from "./confusion";

test("labels meet predictions; who lacks one takes no part", () => {
  const labels = [5, 5, 2, 2, -1, -2, 5];
  const predictions = [5, 2, 2, 2, 2, 5, -1];
  const found = confusion(Uint32Array.of(0, 1, 2, 3, 4, 5, 6), (id) => labels[id]!, (id) => predictions[id]!);
  expect(found.classes).toEqual([2, 5]);
  expect([...found.cells]).toEqual([2, 0, 1, 1]);
  expect([found.total, found.agreed]).toEqual([4, 3]);
});

test("labels per minute, the last minute last", () => {
  const rate = labelRate([{ time: 1000, count: 30 }, { time: 990, count: 5 }, { time: 900, count: 7 }, { time: 1, count: 99 }], 1010, 3);
  expect(rate).toEqual([0, 7, 35]);
});
