import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Mosaic, ThumbnailLoader } from "./thumbnails";

const answer = { image: {} as ImageData, missing: new Set<number>() };
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("wanted thumbnails come a mosaic at a time, none twice", async () => {
  const asked: number[] = [];
  const arrived: Mosaic[] = [];
  const fetch = vi.fn(async (_size: number, ids: readonly number[]) => (asked.push(...ids), answer));
  const loader = new ThumbnailLoader(fetch, (mosaic) => arrived.push(mosaic));
  loader.want([{ size: 64, ids: range(600) }]);
  loader.want([{ size: 64, ids: range(600) }]);
  await vi.runAllTimersAsync();
  expect(fetch.mock.calls.map((call) => call[1].length)).toEqual([256, 256, 88]);
  expect(asked).toEqual(range(600));
  expect(arrived.length).toBe(3);
  expect(loader.idle).toBe(true);
});

test("the newest wish comes first", async () => {
  const order: string[] = [];
  const loader = new ThumbnailLoader(
    async (size, ids) => (order.push(`${size}:${ids[0]}`), answer),
    () => undefined,
    1,
  );
  loader.want([{ size: 64, ids: range(600) }]);
  loader.want([{ size: 256, ids: [9] }, { size: 64, ids: range(600) }]);
  await vi.runAllTimersAsync();
  expect(order).toEqual(["64:0", "256:9", "64:256", "64:512"]);
});

test("a failed mosaic is asked for again, later", async () => {
  let broken = true;
  const fetch = vi.fn(async () => {
    if (broken) throw new TypeError("network");
    return answer;
  });
  const arrived = vi.fn();
  const loader = new ThumbnailLoader(fetch, arrived);
  loader.want([{ size: 128, ids: [1, 2] }]);
  await vi.advanceTimersByTimeAsync(500);
  expect(fetch).toHaveBeenCalledTimes(1);
  broken = false;
  await vi.advanceTimersByTimeAsync(1000);
  expect(arrived).toHaveBeenCalledOnce();
});
