import { expect, it } from "vitest";
import { share, since } from "./words";

it("says shares without needless digits", () => {
  expect([0.95, 0.995, 1, 0].map(share)).toEqual(["95 %", "99.5 %", "100 %", "0 %"]);
});

it("says how long ago something was", () => {
  expect([0, 59, 60, 3_599, 3_600, 90_000].map((ago) => since(1_000_000 - ago, 1_000_000)).slice(0, 5)).toEqual([
    "just now", "just now", "1 min ago", "59 min ago", "1 h ago",
  ]);
});
