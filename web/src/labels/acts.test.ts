import { expect, test } from "vitest";
import { cannot, classesOf } from "./acts";
import { type ClassView, NO_LABELS } from "./labels";

const named = (id: number, name: string, provisional = false): ClassView => ({ id, name, key: null, count: 1, colour: null, provisional });

test("an act says what it lacks", () => {
  const two = [named(0, "a"), named(1, "b")];
  expect(cannot("split", two, true)).toContain("Nothing is selected");
  expect(cannot("split", [], false)).toBeNull();
  expect(cannot("merge", two, true)).toBeNull();
  expect(cannot("merge", [two[0]!, named(1, "b", true)], true)).toContain("two classes");
  expect(cannot("rename", [], true)).toBe("There is no class to rename yet.");
  expect(cannot("delete", two, true)).toBeNull();
});

test("the classes of a selection, the one with most of it first", () => {
  const labels = { ...NO_LABELS, classes: [named(0, "a"), named(1, "b"), named(2, "c")], classOf: (id: number) => [0, 1, 1, -1, -2][id] ?? -1 };
  const found = classesOf(Uint32Array.of(0, 1, 2, 3, 4), labels);
  expect(found.map(({ one, count }) => [one.name, count])).toEqual([["b", 2], ["a", 1]]);
});
