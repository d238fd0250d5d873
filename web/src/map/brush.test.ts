import { expect, test } from "vitest";
import { fromSegment, Stroke } from "./brush";

const all = (n: number) => (): Uint32Array => Uint32Array.from({ length: n }, (_, i) => i);

test("a stroke is a union of capsules", () => {
  const places = Float32Array.of(0.5, 0.25, 0.5, 0.5, 0.5, 0.375, 0.875, 0.5, 0.125, 0.25, 0.12, 0.25, 0.16, 0.16);
  const path = Float64Array.of(0.25, 0.25, 0.75, 0.25, 0.75, 0.75);
  expect([...new Stroke(places, 0.125, all(7)).along(path)]).toEqual([0, 2, 3, 4]);
  const dab = new Stroke(Float32Array.of(0.25, 0.375, 0.25, 0.38), 0.125, all(2));
  expect([...dab.along(path.subarray(0, 2))]).toEqual([0]);
});

test("growing it step by step is the same as all at once, and asks only near it", () => {
  const n = 2000;
  const places = Float32Array.from({ length: 2 * n }, (_, i) => ((i * 48271) % 65537) / 65537);
  const path = Float64Array.from({ length: 40 }, (_, i) => ((i * 9973) % 1000) / 1000);
  const asked: number[] = [];
  const near = (box: { x0: number; x1: number; y0: number; y1: number }): Uint32Array => {
    const ids = all(n)().filter((id) => {
      const [x, y] = [places[2 * id]!, places[2 * id + 1]!];
      return x >= box.x0 && x <= box.x1 && y >= box.y0 && y <= box.y1;
    });
    asked.push(ids.length);
    return ids;
  };
  const growing = new Stroke(places, 0.03, near);
  let last = new Uint32Array(0);
  for (let k = 2; k <= path.length; k += 2) last = growing.along(path.subarray(0, k)) as Uint32Array<ArrayBuffer>;
  const slow = all(n)().filter((id) => {
    for (let i = 0; i + 2 < path.length; i += 2)
      if (fromSegment(places[2 * id]!, places[2 * id + 1]!, path[i]!, path[i + 1]!, path[i + 2]!, path[i + 3]!) <= 0.03 * 0.03) return true;
    return false;
  });
  expect([...last]).toEqual([...slow]);
  expect([...new Stroke(places, 0.03, all(n)).along(path)]).toEqual([...slow]);
  expect(Math.max(...asked)).toBeLessThan(n);
});
