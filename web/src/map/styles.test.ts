import { beforeEach, describe, expect, test } from "vitest";
import { PointStore } from "./points";
import { FRESH, LABELLED, PRESENT, SELECTED } from "./renderer";
import { type Look, PLAIN, StyleSheet } from "./styles";

const N = 10_000;
const table = Uint8Array.of(255, 0, 0, 1, 2, 3);

describe("styles", () => {
  let points: PointStore;
  let sheet: StyleSheet;
  let look: Look;

  beforeEach(() => {
    points = new PointStore();
    const ids = Uint32Array.from({ length: N }, (_, id) => id);
    const all = new Float32Array(N);
    points.set({ ids, x: all, y: all, aspect: all });
    sheet = new StyleSheet();
    look = { ...PLAIN, colours: new Int32Array(N).fill(-1), table, selected: new Uint8Array(N) };
  });

  test("a word is red, green, blue, and the bits", () => {
    look.colours[7] = 1;
    look.selected[7] = 1;
    look.colours[8] = 5; // a row that the table lacks
    sheet.apply(points, look);
    expect(sheet.words[7]).toBe(0x030201 + (PRESENT + FRESH + LABELLED + SELECTED) * 2 ** 24);
    expect(sheet.words[8]! >>> 24).toBe(PRESENT | FRESH);
    expect([sheet.selected, sheet.coloured]).toEqual([1, 1]);
  });

  test("only blocks in which something changed are named", () => {
    expect(sheet.apply(points, look)).toEqual([{ from: 0, to: N }]);
    expect(sheet.apply(points, look)).toEqual([]);
    look.selected[5000] = 1;
    expect(sheet.apply(points, look)).toEqual([{ from: 4096, to: 8192 }]);
    look.selected[5000] = 0;
    look.selected[8200] = 1;
    expect(sheet.apply(points, look)).toEqual([{ from: 4096, to: N }]);
    look.colours[0] = 0;
    look.colours[9000] = 0;
    expect(sheet.apply(points, look)).toEqual([{ from: 0, to: 4096 }, { from: 8192, to: N }]);
  });

  test("who is selected can be written alone, with the same result", () => {
    look.colours[7] = 1;
    points.present[30] = 0;
    look.selected[5000] = 1;
    sheet.apply(points, look);
    const selected = new Uint8Array(9000);
    for (const id of [7, 30, 8999]) selected[id] = 1;
    expect(sheet.select(points, selected)).toEqual([{ from: 7, to: 9000 }]);
    expect(sheet.selected).toBe(2); // what is not on the map cannot be
    const whole = new StyleSheet();
    whole.apply(points, { ...look, selected });
    expect(sheet.words.slice(0, N)).toEqual(whole.words.slice(0, N));
    expect(sheet.select(points, selected)).toEqual([]);
    expect(sheet.select(points, new Uint8Array(0))).toEqual([{ from: 7, to: 9000 }]);
    expect(sheet.selected).toBe(0);
  });

  test("a lasso that grows and shrinks leaves the words as a whole writing does", () => {
    look.selected = new Uint8Array(N);
    sheet.apply(points, look);
    for (let turn = 0; turn < 20; turn += 1) {
      const selected = Uint8Array.from({ length: N - ((turn * 37) % 50) }, (_, id) => Number((id * (turn + 3)) % 7 < turn % 5));
      sheet.select(points, selected);
      const whole = new StyleSheet();
      whole.apply(points, { ...look, selected });
      expect(sheet.words.slice(0, N)).toEqual(whole.words.slice(0, N));
      expect(sheet.selected).toBe(whole.selected);
    }
  });

  test("arrays may end early", () => {
    sheet.apply(points, { ...look, colours: Int32Array.of(0), selected: new Uint8Array(0) });
    expect([sheet.selected, sheet.coloured]).toEqual([0, 1]);
  });
});
