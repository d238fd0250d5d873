import { expect, test } from "vitest";
import { canLearn } from "./rounds";

test("there is something to learn with two classes, or with one and items that are none of it", () => {
  const ready = (counts: number[], none: number): boolean => {
    const classes = counts.map((count, id) => ({ id, name: `${id}`, key: null, count, colour: null, provisional: false }));
    return canLearn({ classes, answers: { none, aside: 5 } });
  };
  expect([ready([], 0), ready([], 4), ready([3, 0], 0), ready([3, 0], 1), ready([3, 1], 0)]).toEqual([false, false, false, true, true]);
});
