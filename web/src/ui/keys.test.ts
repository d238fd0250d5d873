import { expect, test } from "vitest";
import { actionOf, BINDINGS, type Press } from "./keys";

const press = (key: string, held: Partial<Press> = {}): Press => ({
  key,
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  altKey: false,
  ...held,
});

test.each([
  [press("3"), { action: "label", digit: 3 }],
  [press("0"), { action: "clear" }],
  [press("z", { ctrlKey: true }), { action: "undo" }],
  [press("z", { metaKey: true }), { action: "undo" }],
  [press("Z", { ctrlKey: true, shiftKey: true }), { action: "redo" }],
  [press("y", { ctrlKey: true }), { action: "redo" }],
  [press("?", { shiftKey: true }), { action: "keys" }],
  [press("F"), { action: "fit" }],
  [press("z"), null],
  [press("3", { ctrlKey: true }), null],
  [press("f", { altKey: true }), null],
  [press("F5"), null],
])("%o", (event, expected) => expect(actionOf(event)).toEqual(expected));

test("no key does two things", () => {
  const keys = BINDINGS.flatMap((binding) => [...binding.keys]);
  expect(new Set(keys).size).toBe(keys.length);
});
