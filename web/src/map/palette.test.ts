import { expect, test } from "vitest";
import { classColour, css, parse } from "./palette";

test("the first 24 colours are none of them nearly another", () => {
  const colours = Array.from({ length: 24 }, (_, id) => classColour(id));
  for (let i = 0; i < 24; i += 1)
    for (let j = 0; j < i; j += 1)
      expect(Math.hypot(...[0, 1, 2].map((c) => colours[i]![c]! - colours[j]![c]!))).toBeGreaterThan(20);
});

test("colours are written and read", () => {
  expect(parse("#ff8001")).toEqual([255, 128, 1]);
  expect(css([1, 2, 3])).toBe("rgb(1 2 3)");
  for (const id of [24, 500, 99_999]) for (const c of classColour(id)) expect(c).toBeGreaterThanOrEqual(0);
});
