import { describe, expect, test } from "vitest";
import { Marked } from "../map/marked";
import { MOST_IDS, Selection } from "./selection";

const polygon = Float64Array.of(0, 0, 1, 0, 1, 1);
const lasso = (...ids: number[]): Selection => Selection.lasso(Uint32Array.from(ids), 3, polygon);
const many = (n: number): Uint32Array => Uint32Array.from({ length: n }, (_, i) => i);

describe("selection", () => {
  test("a lasso is said as ids, without the strangers, with the map it came from", () => {
    const selection = lasso(1, 2, 5).toggle(5);
    expect(selection.wire()).toEqual({ map_id: 3, polygon: null, ids: [1, 2], without: [] });
    expect([...selection.ids()]).toEqual([1, 2]);
    expect(selection.count).toBe(2);
    expect([...selection.listed]).toEqual([1, 2, 5]);
  });

  test("a stranger clicked again is back", () => {
    const selection = lasso(1, 2).toggle(2).toggle(2);
    expect(selection.has(2)).toBe(true);
    expect(selection.strangers.size).toBe(0);
    expect(lasso(1).toggle(99).count).toBe(1);
  });

  test("joined and reduced selections are said as ids, without the strangers of either", () => {
    const joined = lasso(1, 2, 3).toggle(3).plus(lasso(2, 9).toggle(9));
    expect(joined.wire()).toEqual({ map_id: null, polygon: null, ids: [1, 2], without: [] });
    expect([...lasso(1, 2, 3).minus(lasso(2)).ids()]).toEqual([1, 3]);
    const same = lasso(1, 2);
    expect(same.minus(lasso(7))).toBe(same);
    expect(Selection.EMPTY.plus(same)).toBe(same);
    expect(same.plus(Selection.EMPTY)).toBe(same);
  });

  test("under a filter only what passes is kept; a shape that was drawn with it stays as it was drawn", () => {
    const even = (id: number): boolean => id % 2 === 0;
    expect([...Selection.of([1, 2, 3, 4]).passing(even).ids()]).toEqual([2, 4]);
    const all = Selection.of([2, 4]);
    expect(all.passing(even)).toBe(all);
    const drawn = lasso(2, 4);
    expect(drawn.passing(() => false)).toBe(drawn);
    expect(Selection.drawn(Uint32Array.of(1, 2), "box").passing(even).origin.tool).toBe("box");
  });

  test("many ids are said by their lasso or brush, or as one bit each", () => {
    expect(Selection.of(many(MOST_IDS)).wire().ids?.length).toBe(MOST_IDS);
    const bits = Selection.of(many(MOST_IDS + 3)).toggle(1).wire();
    expect(bits).toMatchObject({ map_id: null, polygon: null, ids: [], without: [] });
    const bytes = Uint8Array.from(atob(bits.bits!), (character) => character.charCodeAt(0));
    expect([bytes.length, bytes[0], bytes[1], bytes.at(-1)]).toEqual([12_501, 0b11111101, 255, 0b111]);
    const stroke = Selection.brush(many(MOST_IDS + 2), 3, Float64Array.of(0, 0, 1, 1), 0.25);
    expect(stroke.wire()).toMatchObject({ map_id: 3, polygon: null, brush: { path: [[0, 0], [1, 1]], radius: 0.25 } });
    const large = Selection.lasso(many(MOST_IDS + 2), 3, polygon).toggle(7);
    expect(large.wire()).toEqual({ map_id: 3, polygon: [[0, 0], [1, 0], [1, 1]], ids: [], without: [7] });
  });

  test("what is marked is the same selection as its ids", () => {
    const marks = Uint8Array.of(0, 1, 0, 1, 1, 0);
    const selection = Selection.lasso(new Marked(marks, 3), 3, polygon);
    expect([selection.count, [...selection.listed], selection.has(3), selection.has(5)]).toEqual([3, [1, 3, 4], true, false]);
    expect([...selection.toggle(3).ids()]).toEqual([1, 4]);
    expect([...marks]).toEqual([0, 1, 0, 1, 1, 0]);
    expect([...selection.plus(lasso(0)).ids()]).toEqual([0, 1, 3, 4]);
  });

  test("inverted, it is all the rest", () => {
    expect([...lasso(1, 3).toggle(3).inverted(many(5)).ids()]).toEqual([0, 2, 3, 4]);
    expect(Selection.EMPTY.inverted(many(2)).count).toBe(2);
  });

  test("a selection of strangers only is empty", () => {
    expect(lasso(1).toggle(1).isEmpty).toBe(true);
    expect(Selection.EMPTY.isEmpty).toBe(true);
  });
});
