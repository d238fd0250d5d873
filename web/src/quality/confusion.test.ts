import { expect, test } from "vitest";
import { confusion, labelRate, mistakes, shownPlaces } from "./confusion";

test("labels meet predictions; who lacks one takes no part", () => {
  const labels = [5, 5, 2, 2, -1, -2, 5];
  const predictions = [5, 2, 2, 2, 2, 5, -1];
  const found = confusion(Uint32Array.of(0, 1, 2, 3, 4, 5, 6), (id) => labels[id]!, (id) => predictions[id]!);
  expect(found.classes).toEqual([2, 5]);
  expect([...found.cells]).toEqual([2, 0, 1, 1]);
  expect([found.total, found.agreed]).toEqual([4, 3]);
});

test("the classes that are most often taken for others come first where there are too many", () => {
  const labels = [0, 0, 0, 1, 1, 2, 2, 3];
  const predictions = [0, 0, 0, 2, 2, 2, 1, 0];
  const found = confusion(Uint32Array.from(labels.keys()), (id) => labels[id]!, (id) => predictions[id]!);
  expect(mistakes(found, 2)).toEqual([
    { label: 1, prediction: 2, count: 2, share: 1 },
    { label: 3, prediction: 0, count: 1, share: 1 },
  ]);
  expect(shownPlaces(found, 4)).toEqual([0, 1, 2, 3]);
  expect(shownPlaces(found, 3)).toEqual([1, 2, 0]);
});

test("labels per minute, the last minute last", () => {
  const rate = labelRate([{ time: 1000, count: 30 }, { time: 990, count: 5 }, { time: 900, count: 7 }, { time: 1, count: 99 }], 1010, 3);
  expect(rate).toEqual([0, 7, 35]);
});
