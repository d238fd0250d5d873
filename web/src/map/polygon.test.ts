import { describe, expect, test } from "vitest";
import { bounds, idsInside, insideTest, winding } from "./polygon";

const square = Float64Array.of(0, 0, 1, 0, 1, 1, 0, 1);

/** A small seeded generator, so that a failing case can be repeated. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe("winding number", () => {
  test("a square holds its middle and not the outside", () => {
    const reversed = Float64Array.of(0, 1, 1, 1, 1, 0, 0, 0);
    expect(winding(square, 0.5, 0.5)).toBe(-winding(reversed, 0.5, 0.5));
    expect(winding(square, 0.5, 0.5)).not.toBe(0);
    for (const [x, y] of [[1.5, 0.5], [-0.1, 0.5], [0.5, 1.1], [0.5, -0.1]] as const)
      expect(winding(square, x, y)).toBe(0);
  });

  test("a loop drawn twice counts twice and still holds its inside (even-odd would not)", () => {
    const twice = Float64Array.of(...square, ...square);
    expect(Math.abs(winding(twice, 0.5, 0.5))).toBe(2);
    expect(insideTest(twice)(0.5, 0.5)).toBe(true);
  });

  test("a pentagram holds its middle", () => {
    const star = Float64Array.from({ length: 10 }, (_, i) => {
      const angle = ((i >> 1) * 4 * Math.PI) / 5;
      return i % 2 ? Math.sin(angle) : Math.cos(angle);
    });
    expect(insideTest(star)(0, 0)).toBe(true);
  });

  test("heights are half-open: the lower edge belongs, the upper does not", () => {
    expect(insideTest(square)(0.5, 0)).toBe(true);
    expect(insideTest(square)(0.5, 1)).toBe(false);
  });

  test("two squares that share an edge share no point on it", () => {
    const below = Float64Array.of(0, 1, 1, 1, 1, 2, 0, 2);
    expect(Number(insideTest(square)(0.5, 1)) + Number(insideTest(below)(0.5, 1))).toBe(1);
  });

  test("the slabs change no answer", () => {
    const next = random(7);
    for (let round = 0; round < 50; round += 1) {
      const corners = 3 + Math.floor(next() * 60);
      const snap = round % 2 ? 8 : 1e9; // coarse coordinates bring ties and horizontal edges
      const at = (): number => Math.round(next() * snap) / snap;
      const polygon = Float64Array.from({ length: corners * 2 }, at);
      const inside = insideTest(polygon);
      for (let i = 0; i < 200; i += 1) {
        const [x, y] = [at(), at()];
        expect(inside(x, y)).toBe(winding(polygon, x, y) !== 0);
      }
    }
  });

  test("degenerate polygons hold nothing", () => {
    expect(insideTest(Float64Array.of(0, 0, 1, 0, 2, 0))(1, 0)).toBe(false);
    expect(insideTest(new Float64Array(0))(0, 0)).toBe(false);
  });

  test("of many items, those inside", () => {
    const places = Float32Array.of(0.5, 0.5, 2, 0.5, 0.5, 0.5, 0.25, 0.75);
    const at = { x: (id: number) => places[2 * id]!, y: (id: number) => places[2 * id + 1]! };
    expect([...idsInside(square, Uint32Array.of(0, 1, 3), at)]).toEqual([0, 3]);
    expect(bounds(square)).toEqual({ x0: 0, y0: 0, x1: 1, y1: 1 });
  });
});
