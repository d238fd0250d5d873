import { expect, test } from "vitest";
import { classColour, css, parse, type Rgb } from "./palette";

type Matrix = readonly (readonly [number, number, number])[];

/** Linear sRGB as deuteranopes and protanopes see it: Machado, Oliveira and Fernandes 2009, severity 1. */
const DEUTAN: Matrix = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]];
const PROTAN: Matrix = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]];
const NORMAL: Matrix = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
/** From linear sRGB to cones, and from their cube roots to OKLab (Ottosson 2020). */
const CONES: Matrix = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566], [0.0883024619, 0.2817188376, 0.6299787005]];
const OKLAB: Matrix = [[0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099], [0.0259040371, 0.7827717662, -0.808675766]];

const times = (matrix: Matrix, [x, y, z]: Rgb): Rgb => matrix.map(([a, b, c]) => a * x + b * y + c * z) as unknown as Rgb;
const each = (of: Rgb, does: (value: number) => number): Rgb => of.map(does) as unknown as Rgb;

function seen(colour: Rgb, eyes: Matrix): Rgb {
  const linear = each(colour, (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
  const there = each(times(eyes, linear), (value) => Math.min(1, Math.max(0, value)));
  return times(OKLAB, each(times(CONES, there), Math.cbrt));
}

function nearest(count: number): number {
  let least = Infinity;
  for (const eyes of [NORMAL, DEUTAN, PROTAN]) {
    const all = Array.from({ length: count }, (_, id) => seen(classColour(id), eyes));
    for (let i = 0; i < count; i += 1)
      for (let j = 0; j < i; j += 1) least = Math.min(least, Math.hypot(...[0, 1, 2].map((k) => all[i]![k]! - all[j]![k]!)));
  }
  return least;
}

test("the first 48 colours are told apart by normal, deutan and protan eyes", () => {
  expect(nearest(24)).toBeGreaterThan(0.046);
  expect(nearest(48)).toBeGreaterThan(0.033); // 0.02 is about what eyes can just tell, side by side
});

test("colours are written and read", () => {
  expect(parse("#ff8001")).toEqual([255, 128, 1]);
  expect(css([1, 2, 3])).toBe("rgb(1 2 3)");
  for (const id of [24, 500, 99_999]) for (const c of classColour(id)) expect(c).toBeGreaterThanOrEqual(0);
});
