import { expect, test } from "vitest";
import { SelectedDots } from "./overview";

const N = 1_000_000;
const everyone = (): boolean => true;

test("of a small selection all are drawn, wherever their ids lie", () => {
  const members = new Uint8Array(N);
  for (const id of [3, 400_000, N - 1]) members[id] = 1;
  const drawn: number[] = [];
  expect(new SelectedDots(members, (id) => id !== 3, (id) => drawn.push(id)).advance(Infinity)).toBe(true);
  expect(drawn).toEqual([400_000, N - 1]);
});

test("of a million the first are drawn, and no more are looked at", () => {
  let [asked, drawn] = [0, 0];
  const dots = new SelectedDots(new Uint8Array(N).fill(1), () => (asked += 1) > 0, () => (drawn += 1), 1000);
  expect(dots.advance(Infinity)).toBe(true);
  expect([asked, drawn]).toEqual([1000, 1000]);
});

test("it takes a step where there is no time, and goes on from there", () => {
  const members = new Uint8Array(N);
  members[N - 1] = 1;
  const drawn: number[] = [];
  const dots = new SelectedDots(members, everyone, (id) => drawn.push(id));
  let slices = 1;
  while (!dots.advance(0)) slices += 1;
  expect([slices, drawn]).toEqual([Math.ceil(N / 16_384), [N - 1]]);
});
