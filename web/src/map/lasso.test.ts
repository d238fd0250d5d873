import { expect, test } from "vitest";
import { Lasso, MAX_VERTICES, thin } from "./lasso";

test("vertices nearer than the step are left out", () => {
  const lasso = new Lasso(2);
  expect(lasso.add(0, 0, 0, 0)).toBe(true);
  expect(lasso.add(1, 1, 0.1, 0.1)).toBe(false);
  expect(lasso.add(3, 0, 0.3, 0)).toBe(true);
  expect(lasso.vertices).toBe(2);
  expect(lasso.polygon()).toBeNull();
  lasso.add(3, 4, 0.3, 0.4);
  expect([...lasso.polygon()!]).toEqual([0, 0, 0.3, 0, 0.3, 0.4]);
});

test("an endless scribble is thinned to what the server takes", () => {
  const lasso = new Lasso(0);
  for (let i = 0; i < 10_000; i += 1) lasso.add(i, 0, i, i / 2);
  const polygon = lasso.polygon()!;
  expect(polygon.length / 2).toBeLessThanOrEqual(MAX_VERTICES);
  expect([...polygon.slice(0, 4)]).toEqual([0, 0, 3, 1.5]);
});

test("thinning leaves a small polygon alone", () => {
  const polygon = Float64Array.of(1, 2, 3, 4, 5, 6);
  expect(thin(polygon, 3)).toBe(polygon);
});
