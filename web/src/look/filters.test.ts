import { expect, test } from "vitest";
import { asksServer, chips, type ColumnChoice, type Filters, ofItems, OPEN, passing, revived, toggleClass, wire, withColumn } from "./filters";

const folder: ColumnChoice = { column: 1, text: "cats", categories: [2], low: null, high: null };
const all: Filters = { labelled: false, classes: [{ id: 3, name: "cat" }], columns: [folder], text: "img" };

test("every filter is a chip, and each chip goes alone", () => {
  expect(chips(OPEN)).toEqual([]);
  expect(chips(all).map(({ text }) => text)).toEqual(["unlabelled", "cat", "cats", "“img” in the name"]);
  const left = chips(all).reduce<Filters>((filters) => chips(filters)[0]!.without, all);
  expect(left).toEqual(OPEN);
});

test("a column has one choice, a class comes and goes", () => {
  const other = { ...folder, text: "dogs", categories: [5] };
  expect(withColumn(all, other).columns).toEqual([other]);
  const once = toggleClass(OPEN, { id: 1, name: "a" });
  expect(once.classes).toEqual([{ id: 1, name: "a" }]);
  expect(toggleClass(once, { id: 1, name: "a" })).toEqual(OPEN);
});

test("the server is told all, and asked only about metadata and names", () => {
  expect(wire(OPEN)).toBe(null);
  const said = { columns: [{ column: 1, categories: [2], low: null, high: null }], text: "img" };
  expect(wire(all)).toEqual({ ...said, labelled: false, classes: [3] });
  expect(ofItems(all)).toEqual({ ...said, labelled: null, classes: [] });
  expect([asksServer(OPEN), asksServer({ ...OPEN, labelled: true }), asksServer(all)]).toEqual([false, false, true]);
});

test("who passes: all that is said must hold; none of these counts as labelled", () => {
  const labels = [-1, 3, 4, -1, -2];
  const of = (id: number): number => labels[id]!;
  const pass = (filters: Partial<Filters>, named: number[] | null = null): number[] | null => {
    const found = passing({ ...OPEN, ...filters }, 5, named && Uint8Array.from(named), of);
    return found && [...found];
  };
  expect(pass({})).toBe(null);
  expect(pass({ labelled: true })).toEqual([0, 1, 1, 0, 1]);
  expect(pass({ labelled: false })).toEqual([1, 0, 0, 1, 0]);
  expect(pass({ classes: [{ id: 4, name: "" }] })).toEqual([0, 0, 1, 0, 0]);
  expect(pass({ labelled: false, text: "x" }, [0, 1, 1, 1])).toEqual([0, 0, 0, 1, 0]);
});

test("filters come back from their JSON, with the classes as they are now", () => {
  const renamed = [{ id: 3, name: "tom" }, { id: 4, name: "dog" }];
  expect(revived(JSON.stringify(all), renamed)).toEqual({ ...all, classes: [{ id: 3, name: "tom" }] });
  expect(revived(JSON.stringify(all), []).classes).toEqual([]);
  for (const bad of [null, "", "{", "null", "[]", '{"labelled":1,"classes":[],"columns":[],"text":""}', '{"labelled":null}'])
    expect(revived(bad, renamed)).toEqual(OPEN);
});
