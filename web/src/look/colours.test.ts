import { expect, test } from "vitest";
import { parse } from "../map/palette";
import { disagreement, legendNumber, paintCategories, paintRamp, RAMP, sureClasses } from "./colours";

const ids = Uint32Array.of(0, 1, 2, 4);

test("categories keep their colours, and the legend counts what is on the map", () => {
  const painting = paintCategories(Float32Array.of(1, 0, 1, 1, NaN), ids, [
    { name: "a", colour: [1, 2, 3] },
    { name: "b", colour: [4, 5, 6] },
    { name: "nobody", colour: [7, 8, 9] },
  ]);
  expect([...painting.colours]).toEqual([1, 0, 1, 1, -1]);
  expect([...painting.table]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(painting.legend).toEqual({
    kind: "categories",
    entries: [
      { place: 0, name: "a", colour: "rgb(1 2 3)", count: 1 },
      { place: 1, name: "b", colour: "rgb(4 5 6)", count: 2 },
    ],
    many: 0,
  });
});

test("a ramp runs from its least to its greatest, and what is not known stays unpainted", () => {
  const painting = paintRamp(Float32Array.of(10, 20, 15, 99, NaN), ids);
  expect([...painting.colours]).toEqual([0, 63, 32, 63, -1]); // 99 is not on the map, but as far as can be
  expect(painting.legend).toMatchObject({ kind: "ramp", low: 10, high: 20, missing: 1 });
  expect([...painting.table.slice(0, 3)]).toEqual(parse(RAMP[0]));
  expect([...painting.table.slice(-3)]).toEqual(parse(RAMP[4]));
  expect([...paintRamp(Float32Array.of(5, 5), Uint32Array.of(0, 1)).colours]).toEqual([32, 32]);
});

test("label and prediction agree, or do not, or one is missing", () => {
  const labels = [1, 1, -1, 2];
  const predictions = [1, 2, 1, -1];
  expect([...disagreement(4, (id) => labels[id]!, (id) => predictions[id]!)]).toEqual([0, 1, -1, -1]);
});

test("a prediction that says next to nothing is unsure, a label and none of these are not", () => {
  const guesses = { classes: Int32Array.of(1, 1, 0, -1), confidence: Float32Array.of(0.25, 0.24, 0.1, 0.1) };
  expect([...sureClasses(guesses, (id) => (id === 2 ? 0 : -1), 5)]).toEqual([1, 5, 0, -1]);
});

test("numbers are written as people do", () => {
  expect(legendNumber(19844, "date")).toBe("2024-05-01");
  expect(legendNumber(0.256, "share")).toBe("26 %");
  expect(legendNumber(12345.6, "number")).toBe("12,346");
  expect(legendNumber(1.33333, "number")).toBe("1.33");
});
