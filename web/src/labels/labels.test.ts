import { describe, expect, test } from "vitest";
import type { ClassInfo } from "../api/client";
import { overlay } from "./labels";
import type { Entry } from "./storage";

const cat: ClassInfo = { id: 0, name: "cat", key: 1, count: 2, colour: null };
const dog: ClassInfo = { id: 1, name: "dog", key: 2, count: 1, colour: null };
const column = { classes: Int32Array.of(0, 0, 1, -1), seq: 5 };
const gesture = (className: string | null, ids: number[], path: Entry["path"] = "/api/labels"): Entry => ({
  requestId: `r${ids.join()}`,
  order: 1,
  workspace: "w",
  path,
  body: {},
  ids: Uint32Array.from(ids),
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
  expect(view.classes[2]).toEqual({ id: 2, name: "cow", key: 3, count: 2, colour: null, provisional: true });
  expect(view.classes[3]).toEqual({ id: 3, name: "hen", key: 4, count: 0, colour: null, provisional: true });
  expect(view.classOf(3)).toBe(2);
});

test("a class that is gone keeps its id and its colour: the next one gets what the server will give it", () => {
  const view = overlay(column, [cat, dog], [gesture("cow", [3]), gesture("hen", [2])], undefined, 4);
  expect(view.classes.map(({ id, name }) => [id, name])).toEqual([[0, "cat"], [1, "dog"], [4, "cow"], [5, "hen"]]);
  expect(view.classOf(3)).toBe(4);
});

test("the tenth class has no key", () => {
  const nine = Array.from({ length: 9 }, (_, id) => ({ id, name: `c${id}`, key: id + 1, count: 0, colour: null }));
  const view = overlay(column, nine, [gesture("tenth", [3])]);
  expect(view.classes[9]?.key).toBeNull();
  expect(view.classOf(3)).toBe(9);
});

describe("a waiting undo", () => {
  const undo = (): Entry => gesture(null, [], "/api/undo");
  const redo = (): Entry => gesture(null, [], "/api/redo");
  const shown = (...waiting: Entry[]): number[] => [0, 1, 2, 3].map(overlay(column, [cat, dog], waiting).classOf);

  test("takes the latest waiting label back, and a redo gives it back", () => {
    expect(shown(gesture("dog", [3]), gesture("dog", [0]), undo())).toEqual([0, 0, 1, 1]);
    expect(shown(gesture("dog", [3]), gesture("dog", [0]), undo(), undo())).toEqual([0, 0, 1, -1]);
    expect(shown(gesture("dog", [3]), undo(), redo())).toEqual([0, 0, 1, 1]);
    expect(shown(gesture("dog", [3]), undo(), gesture("cat", [2]), redo())).toEqual([0, 0, 0, -1]);
  });

  test("that names its label takes back that one, and leaves later ones", () => {
    const named = (of: number[]): Entry => ({ ...undo(), body: { gesture: `r${of.join()}` } });
    expect(shown(gesture("dog", [3]), gesture("dog", [0]), named([3]))).toEqual([1, 0, 1, -1]);
    expect(shown(gesture("dog", [3]), gesture("dog", [0]), named([3]), redo())).toEqual([1, 0, 1, 1]);
    expect(shown(gesture("dog", [3]), named([2]))).toEqual([0, 0, 1, 1]);
  });

  test("of what the server has already changes nothing here, and a redo is its counterpart", () => {
    expect(shown(undo())).toEqual([0, 0, 1, -1]);
    expect(shown(gesture("dog", [3]), undo(), undo(), redo())).toEqual([0, 0, 1, -1]);
    expect(shown(gesture("dog", [3]), undo(), undo(), redo(), redo())).toEqual([0, 0, 1, 1]);
  });

  test("takes the class of its label with it, whose number stays its own, and no made one", () => {
    const waiting = [gesture("cow", [3]), gesture("hen", [], "/api/classes"), undo()];
    const view = overlay(column, [cat, dog], waiting);
    expect(view.classes.map((c) => [c.id, c.name, c.count])).toEqual([[0, "cat", 2], [1, "dog", 1], [3, "hen", 0]]);
    expect(view.classOf(3)).toBe(-1);
    const again = overlay(column, [cat, dog], [...waiting, gesture("cow", [2])]);
    expect(again.classes.map((c) => [c.id, c.name])).toEqual([[0, "cat"], [1, "dog"], [3, "hen"], [2, "cow"]]);
    expect(again.classOf(2)).toBe(2);
  });

  test("leaves a class that another waiting label has too, and one that was made before its label", () => {
    const used = overlay(column, [cat, dog], [gesture("cow", [3]), gesture("cow", [2]), undo()]);
    expect(used.classes.map((c) => [c.name, c.count])).toEqual([["cat", 2], ["dog", 1], ["cow", 1]]);
    const made = overlay(column, [cat, dog], [gesture("cow", [], "/api/classes"), gesture("cow", [3]), undo()]);
    expect(made.classes.map((c) => [c.name, c.count])).toEqual([["cat", 2], ["dog", 1], ["cow", 0]]);
  });
});

const change = (class_id: number, what: object): Entry => ({
  ...gesture(null, [], "/api/classes/change"),
  body: { request_id: "request-1", class_id, change: what },
});

test("classes that are renamed, merged, deleted and given keys are so at once", () => {
  const renamed = overlay(column, [cat, dog], [change(0, { kind: "rename", name: "tom" }), gesture("tom", [3])]);
  expect(renamed.classes.map(({ name, count }) => [name, count])).toEqual([["tom", 3], ["dog", 1]]);
  const merged = overlay(column, [cat, dog], [change(0, { kind: "merge", into: 1 })]);
  expect([0, 1, 2, 3].map(merged.classOf)).toEqual([1, 1, 1, -1]);
  expect(merged.classes.map(({ name, count }) => [name, count])).toEqual([["dog", 3]]);
  const deleted = overlay(column, [cat, dog], [change(0, { kind: "delete" })]);
  expect([0, 1, 2, 3].map(deleted.classOf)).toEqual([-1, -1, 1, -1]);
  expect(deleted.labelled).toBe(1);
  expect([...column.classes]).toEqual([0, 0, 1, -1]);
  const keyed = overlay(column, [cat, dog], [change(1, { kind: "key", key: 1 }), change(0, { kind: "colour", colour: "#ff0080" })]);
  expect(keyed.classes.map(({ key }) => key)).toEqual([null, 1]);
  expect(keyed.colourOf(0)).toEqual([255, 0, 128]);
  const undone = overlay(column, [cat, dog], [change(0, { kind: "delete" }), gesture(null, [], "/api/undo")]);
  expect(undone.classes.map(({ name }) => name)).toEqual(["cat", "dog"]);
});

test("answers are no class, and are counted", () => {
  const view = overlay(column, [cat, dog], [
    { ...gesture(null, [0, 3]), answer: "none" },
    { ...gesture(null, [2]), answer: "skip" },
  ]);
  expect([0, 1, 2, 3].map(view.classOf)).toEqual([-2, 0, -3, -2]);
  expect([view.labelled, view.answers]).toEqual([1, { none: 2, aside: 1 }]);
});
