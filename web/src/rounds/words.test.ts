import { expect, it, test } from "vitest";
import { change, share, since } from "./words";

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
