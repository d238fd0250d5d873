import { expect, test } from "vitest";
import { gridWindow } from "./grid";

const view = { width: 280, height: 300, scroll: 0, cell: 64, gap: 8 };

test("cells fill the width", () => {
  const grid = gridWindow(10, view);
  expect(grid.columns).toBe(4);
  expect(grid.side).toBe(64);
  expect([grid.from, grid.to, grid.height]).toEqual([0, 10, 3 * 72 - 8]);
});

test("only what is in view (and a row around it) is drawn, at any length", () => {
  const grid = gridWindow(100_000, { ...view, scroll: 72 * 1000 });
  expect(grid.from).toBe(999 * 4);
  expect(grid.top).toBe(999 * 72);
  expect(grid.to - grid.from).toBeLessThan(40);
  expect(grid.to).toBeGreaterThanOrEqual(1004 * 4);
});

test("nothing, no room, and a scroll position from before", () => {
  expect(gridWindow(0, view)).toMatchObject({ from: 0, to: 0, height: 0 });
  expect(gridWindow(5, { ...view, width: 0 }).columns).toBe(1);
  expect(gridWindow(4, { ...view, scroll: 1e6 })).toMatchObject({ from: 0, to: 4 });
});
