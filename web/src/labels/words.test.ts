import { expect, test } from "vitest";
import type { Gesture } from "../api/client";
import type { ClassView } from "./labels";
import { beside, gestureText, originText, turnText } from "./words";

const line = { user: "ada", time: 1000, how: "lasso", kind: "label", round_id: null } as Gesture;

test("a gesture's origin is who, when and how; of a round's predictions, which round's", () => {
  expect(originText(line, 1000)).toBe("ada · just now · lasso");
  expect(originText({ ...line, how: "class" }, 1000)).toBe("ada · just now");
  expect(originText({ ...line, how: "accept", round_id: 3 }, 1000)).toBe("accepted from round 3 by ada · just now");
  expect(originText({ ...line, kind: "reject", round_id: 3 }, 1000)).toBe("rejected from round 3 by ada · just now");
});

test("what is undone says how many items only where it had any", () => {
  const undone = { ...line, kind: "undo", class_name: "Flags", count: 0, detail: { kind: "rename" } } as unknown as Gesture;
  expect(gestureText(undone)).toBe("undone: renamed “Flags”");
  expect(gestureText({ ...undone, count: 2, detail: { kind: "delete" } })).toBe("undone: deleted “Flags”, 2 items");
});

test("an undone revert says what holds again, and a repeated one what does not", () => {
  const revert = { ...line, kind: "revert", class_name: "Symbols", count: 49, detail: { kind: "label" } } as unknown as Gesture;
  const told = (way: "undo" | "redo", of: Partial<Gesture>) => turnText(way, { ...revert, ...of } as Gesture);
  expect(told("undo", {})).toBe("Labelled again: “Symbols” on 49 items");
  expect(told("redo", {})).toBe("Reverted again: “Symbols” on 49 items");
  expect(told("undo", { class_name: null, detail: { kind: "clear" } })).toBe("Done again: labels taken away from 49 items");
  expect(told("undo", { count: 0, detail: { kind: "rename" } })).toBe("Done again: renamed “Symbols”");
  expect(told("undo", { kind: "label" })).toBe("Undone: “Symbols” on 49 items");
});

test("a new name says which class reads the same", () => {
  const classes = ["Flags", "Food & Drink"].map((name, id) => ({ id, name }) as ClassView);
  expect(beside("flags", classes)).toBe(", beside “Flags”");
  expect(beside("food  &  drink", classes)).toBe(", beside “Food & Drink”");
  for (const name of ["Flags", "flag", "cups"]) expect(beside(name, classes)).toBe("");
  expect(beside("flags", classes, 0)).toBe("");
});
