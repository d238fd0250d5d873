import { describe, expect, test } from "vitest";
import { perLayer, place, sharpSize, SlotCache } from "./sprites";

describe("slots", () => {
  test("the one unused for longest gives way, never one in use", () => {
    const cache = new SlotCache(2);
    const first = cache.claim(10, 1);
    cache.claim(11, 2);
    cache.touch(first, 3);
    expect(cache.claim(12, 4)).toBe(1);
    expect([cache.find(10), cache.find(11), cache.find(12)]).toEqual([0, -1, 1]);
    cache.touch(0, 5);
    cache.touch(1, 5);
    expect(cache.claim(13, 5)).toBe(-1);
  });

  test("an item keeps its slot", () => {
    const cache = new SlotCache(4);
    expect(cache.claim(7, 1)).toBe(cache.claim(7, 2));
    cache.clear();
    expect(cache.find(7)).toBe(-1);
  });

  test("what has expired is shown until it comes anew", () => {
    const cache = new SlotCache(4);
    const slot = cache.claim(7, 1);
    cache.expire();
    expect([cache.find(7), cache.isFresh(7), cache.isFresh(8)]).toEqual([slot, false, false]);
    expect(cache.claim(7, 2)).toBe(slot);
    expect(cache.isFresh(7)).toBe(true);
  });

  test("slots lie row by row, then layer by layer", () => {
    expect(perLayer(64)).toBe(256);
    expect(place(64, 17)).toEqual({ layer: 0, x: 64, y: 64 });
    expect(place(256, 16)).toEqual({ layer: 1, x: 0, y: 0 });
  });
});

test("the smallest sharp size", () => {
  expect([40, 64, 69, 72, 128, 200, 400].map(sharpSize)).toEqual([64, 64, 64, 128, 128, 256, 256]);
});
