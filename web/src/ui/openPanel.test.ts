import { get } from "svelte/store";
import { expect, test } from "vitest";
import { OpenPanel } from "./openPanel";

function memory(): Pick<Storage, "getItem" | "setItem"> {
  const kept = new Map<string, string>();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) };
}

test("one panel at most is open, and it is remembered", () => {
  const kept = memory();
  const panel = new OpenPanel(kept);
  expect(get(panel.store)).toBe(null);
  expect(panel.toggle("look")).toBe(true);
  expect(panel.toggle("find")).toBe(true);
  expect(get(panel.store)).toBe("find");
  expect(get(new OpenPanel(kept).store)).toBe("find");
  expect(panel.toggle("find")).toBe(false);
  expect(get(new OpenPanel(kept).store)).toBe(null);
});

test("a browser that keeps nothing still opens panels", () => {
  const refuse = (): never => {
    throw new Error("denied");
  };
  const panel = new OpenPanel({ getItem: refuse, setItem: refuse });
  panel.open("look");
  expect(get(panel.store)).toBe("look");
  panel.close();
  expect(get(panel.store)).toBe(null);
});
