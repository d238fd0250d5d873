import { expect, it, test } from "vitest";
import { change, lesson, share, since, varied } from "./words";

it("says shares without needless digits", () => {
  expect([0.95, 0.995, 1, 0].map(share)).toEqual(["95 %", "99.5 %", "100 %", "0 %"]);
});

it("says how long ago something was", () => {
  expect([0, 59, 60, 3_599, 3_600, 90_000].map((ago) => since(1_000_000 - ago, 1_000_000)).slice(0, 5)).toEqual([
    "just now", "just now", "1 min ago", "59 min ago", "1 h ago",
  ]);
});

test("a round's accuracy is compared with that of the round before it", () => {
  const first = { id: 1, parent: null, report: { held_out_accuracy: 0.9 } };
  const second = { id: 2, parent: 1, report: { held_out_accuracy: 0.925 } };
  const third = { id: 4, parent: 1, report: { held_out_accuracy: 0.88 } };
  const rounds = [third, second, first];
  expect(rounds.map((one) => change(one, rounds))).toEqual(["−2", "+2.5", ""]);
});

test("how a head was learned is said with its score, and whether rounds differ in it", () => {
  const first = { loss: "silhouette", layer: "stage7", report: { dimensions: 16, head_recall: 0.934 } };
  const again = { ...first, report: { dimensions: 16 } };
  const wider = { ...first, report: { dimensions: 32, head_recall: 0.95 } };
  const old = { loss: "silhouette", layer: "stage7", report: {} };
  expect([first, again, old].map(lesson)).toEqual([
    "silhouette 16-d · stage7 · head 93.4 %", "silhouette 16-d · stage7", "silhouette · stage7",
  ]);
  expect([varied([]), varied([first, again]), varied([first, wider])]).toEqual([false, false, true]);
});
