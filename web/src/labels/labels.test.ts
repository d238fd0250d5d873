import { expect, test } from "vitest";
import type { ClassInfo } from "../api/client";
import { overlay } from "./labels";
import type { Entry } from "./storage";

const cat: ClassInfo = { id: 0, name: "cat", key: 1, count: 2 };
const dog: ClassInfo = { id: 1, name: "dog", key: 2, count: 1 };
const column = { classes: Int32Array.of(0, 0, 1, -1), seq: 5 };
const gesture = (className: string | null, ids: number[], path: Entry["path"] = "/api/labels"): Entry => ({
  requestId: `r${ids.join()}`,
  order: 1,
  workspace: "w",
  path,
  body: {},
  ids,
  className,
});

test("without unconfirmed gestures it is what the server said", () => {
  const view = overlay(column, [cat, dog], []);
  expect(view.classes.map((c) => c.count)).toEqual([2, 1]);
  expect([0, 1, 2, 3, 99].map(view.classOf)).toEqual([0, 0, 1, -1, -1]);
  expect(view.labelled).toBe(3);
});

test("gestures lie on top in their order, and counts follow", () => {
  const view = overlay(column, [cat, dog], [gesture("dog", [0, 3]), gesture(null, [3, 2])]);
  expect([0, 1, 2, 3].map(view.classOf)).toEqual([1, 0, -1, -1]);
  expect(view.classes.map((c) => c.count)).toEqual([1, 1]);
  expect(view.labelled).toBe(2);
  expect(column.classes[0]).toBe(0);
});

test("a class the server does not know yet gets the id and key it will have", () => {
  const view = overlay(column, [cat, dog], [gesture("cow", [3]), gesture("cow", [2]), gesture("hen", [], "/api/classes")]);
  expect(view.classes[2]).toEqual({ id: 2, name: "cow", key: 3, count: 2, provisional: true });
  expect(view.classes[3]).toEqual({ id: 3, name: "hen", key: 4, count: 0, provisional: true });
  expect(view.classOf(3)).toBe(2);
});

test("the tenth class has no key, and an undo on its way changes nothing yet", () => {
  const nine = Array.from({ length: 9 }, (_, id) => ({ id, name: `c${id}`, key: id + 1, count: 0 }));
  const view = overlay(column, nine, [gesture("tenth", [3]), gesture(null, [], "/api/undo")]);
  expect(view.classes[9]?.key).toBeNull();
  expect(view.classOf(3)).toBe(9);
});
