import { afterEach, expect, test, vi } from "vitest";
import { api, type State } from "./client";
import type { MapPoints } from "./columns";
import { askEarly, takePoints, takeState } from "./early";

afterEach(() => vi.restoreAllMocks());

const state = (map: number): State => ({ map: { id: map } }) as State;
const points = { ids: Uint32Array.of(1) } as MapPoints;

test("what was asked for early is taken once", async () => {
  const asked = vi.spyOn(api, "state").mockResolvedValue(state(7));
  const drawn = vi.spyOn(api, "points").mockResolvedValue(points);
  askEarly();
  expect(await takeState()).toEqual(state(7));
  expect(await takePoints(7)).toBe(points);
  expect([asked.mock.calls.length, drawn.mock.calls.length]).toEqual([1, 1]);
  await takeState();
  await takePoints(7);
  expect([asked.mock.calls.length, drawn.mock.calls.length]).toEqual([2, 2]);
});

test("another map's points and a failure are asked for anew", async () => {
  vi.spyOn(api, "state").mockResolvedValue(state(7));
  const drawn = vi.spyOn(api, "points").mockRejectedValueOnce(new Error("away")).mockResolvedValue(points);
  askEarly();
  expect(await takePoints(7)).toBe(points);
  askEarly();
  expect(await takePoints(8)).toBe(points);
  expect(drawn.mock.calls.map(([id]) => id)).toEqual([7, 7, 7, 8]);
});
