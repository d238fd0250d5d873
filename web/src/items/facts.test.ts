import { expect, test, vi } from "vitest";
import type { ItemInfo } from "../api/client";
import { Facts } from "./facts";

const info = (id: number): ItemInfo => ({ id, name: `${id}.png`, source: "", width: 1, height: 1, class_name: null, skipped: null });

test("an item is asked for once, while it is remembered", async () => {
  const fetch = vi.fn(async (id: number) => info(id));
  const facts = new Facts(fetch, 2);
  await facts.of(1);
  expect((await facts.of(1)).name).toBe("1.png");
  expect(fetch).toHaveBeenCalledTimes(1);
  await facts.of(2);
  await facts.of(3);
  await facts.of(1);
  expect(fetch).toHaveBeenCalledTimes(4);
});

test("what is forgotten is asked for again", async () => {
  const fetch = vi.fn(async (id: number) => info(id));
  const facts = new Facts(fetch);
  await facts.of(1);
  facts.forget();
  await facts.of(1);
  expect(fetch).toHaveBeenCalledTimes(2);
});

test("a failure is not remembered", async () => {
  const fetch = vi.fn<(id: number) => Promise<ItemInfo>>().mockRejectedValueOnce(new Error("down")).mockResolvedValue(info(1));
  const facts = new Facts(fetch);
  await expect(facts.of(1)).rejects.toThrow("down");
  expect((await facts.of(1)).id).toBe(1);
});
