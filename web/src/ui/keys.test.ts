import { readFileSync } from "node:fs";
import { get } from "svelte/store";
import { expect, test } from "vitest";
import { BINDINGS, isForField, KeyMap, keyName, keyParts, type Press } from "./keys";

const press = (key: string, held: Partial<Press> = {}): Press => ({
  key,
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  altKey: false,
  ...held,
});

test.each([
  [press("3"), { action: "label", digit: 3 }],
  [press("0"), { action: "clear" }],
  [press("z", { ctrlKey: true }), { action: "undo" }],
  [press("z", { metaKey: true }), { action: "undo" }],
  [press("Z", { ctrlKey: true, shiftKey: true }), { action: "redo" }],
  [press("y", { ctrlKey: true }), { action: "redo" }],
  [press("?", { shiftKey: true }), { action: "keys" }],
  [press("F"), { action: "fit" }],
  [press("F", { shiftKey: true }), { action: "filter" }],
  [press("f", { shiftKey: true }), { action: "filter" }],
  [press("{", { shiftKey: true }), { action: "besideEarlier" }],
  [press("Z", { shiftKey: true }), null],
  [press("z"), null],
  [press("3", { ctrlKey: true }), null],
  [press("f", { altKey: true }), null],
  [press("F5"), null],
])("%o", (event, expected) => expect(new KeyMap(null).actionOf(event)).toEqual(expected));

test("no key does two things", () => {
  const keys = BINDINGS.flatMap((binding) => [...binding.keys]);
  expect(new Set(keys).size).toBe(keys.length);
});

function memory(kept: string | null = null): Storage & { kept: string | null } {
  const store = { kept, getItem: () => store.kept, setItem: (_: string, value: string) => (store.kept = value) };
  return store as unknown as Storage & { kept: string | null };
}

test("docs/looking.md lists every key", () => {
  const page = readFileSync(new URL("../../../docs/looking.md", import.meta.url), "utf8").replace(/\s+/g, " ");
  for (const { keys, help } of BINDINGS) {
    const said = keys.map((key) => `\`${keyParts(key, false).join(" ")}\``).join(" ");
    expect(page).toContain(`${said} ${help}`);
  }
});

test("y and z are left free", () => {
  const keys = BINDINGS.flatMap((binding) => [...binding.keys] as string[]);
  expect(["y", "z", "Shift+y", "Shift+z"].filter((key) => keys.includes(key))).toEqual([]);
});

test("a key is chosen, kept, and given back", () => {
  const kept = memory();
  const keys = new KeyMap(kept);
  expect(keys.assign("fit", "y")).toBeNull();
  expect(keys.actionOf(press("y"))).toEqual({ action: "fit" });
  expect(keys.actionOf(press("f"))).toBeNull();
  expect(new KeyMap(kept).actionOf(press("y"))).toEqual({ action: "fit" });
  expect(keys.assign("lasso", "f")).toBeNull();
  expect(keys.reset("fit")).toBe("F is the key of “Lasso: draw around items”.");
  expect(keys.reset("lasso")).toBeNull();
  expect(keys.reset("fit")).toBeNull();
  expect(kept.kept).toBe("{}");
});

test("a key that something else has is refused by name", () => {
  const keys = new KeyMap(memory());
  expect(keys.assign("fit", "l")).toBe("L is the key of “Lasso: draw around items”.");
  expect(keys.assign("fit", "3")).toContain("classes’ keys");
  expect(keys.assign("fit", "f")).toBeNull();
  expect(get(keys.keys).fit).toEqual(["f"]);
});

test("what was kept by another version does no harm", () => {
  for (const kept of ["nonsense", "null", "[1]", '{"fit": 3, "gone": ["x"], "escape": ["x"], "pan": []}'])
    expect(get(new KeyMap(memory(kept)).keys)).toEqual(get(new KeyMap(null).keys));
});

test("presses are written and read", () => {
  expect(keyName(press("Shift", { shiftKey: true }))).toBeNull();
  expect(keyName(press("K", { ctrlKey: true, shiftKey: true }))).toBe("Mod+Shift+k");
  expect(keyName(press("K", { shiftKey: true }))).toBe("Shift+k");
  expect(keyName(press("ArrowUp", { shiftKey: true }))).toBe("ArrowUp");
  expect(keyParts("Mod+Shift+z", false)).toEqual(["Ctrl", "Shift", "Z"]);
  expect(keyParts("+", false)).toEqual(["+"]);
  expect(keyParts("ArrowUp", true)).toEqual(["↑"]);
});

test("letters are left to the map by what nothing is typed into", () => {
  const field = (selector: string): EventTarget =>
    ({ matches: (asked: string) => asked.split(", ").includes(selector) }) as unknown as EventTarget;
  expect(isForField(field("input"), "a")).toBe(true);
  expect(isForField(field("input[type=range]"), "a")).toBe(false);
  expect(isForField(field("input[type=range]"), "Home")).toBe(true);
  expect(isForField(field("input[type=checkbox]"), " ")).toBe(true);
  expect(isForField(field("button"), "Enter")).toBe(true);
  expect(isForField(field("button"), "a")).toBe(false);
});
