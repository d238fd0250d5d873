import { expect, test, vi } from "vitest";
import { inSlices } from "./slices";

test("what one slice can is done at once, the rest later, and one may give up", () => {
  vi.useFakeTimers();
  const done = vi.fn();
  inSlices(() => true, done);
  expect(done).toHaveBeenCalledTimes(1);

  let left = 3;
  inSlices(() => (left -= 1) === 0, done);
  expect(done).toHaveBeenCalledTimes(1);
  vi.runAllTimers();
  expect([left, done.mock.calls.length]).toEqual([0, 2]);

  let slices = 0;
  const giveUp = inSlices(() => (slices += 1) === 5, done);
  giveUp();
  vi.runAllTimers();
  expect([slices, done.mock.calls.length]).toEqual([1, 2]);
  vi.useRealTimers();
});
