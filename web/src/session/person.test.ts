import { get } from "svelte/store";
import { afterEach, expect, test, vi } from "vitest";
import { api } from "../api/client";
import { Person } from "./person";

function memory(): Pick<Storage, "getItem" | "setItem"> {
  let kept: string | null = null;
  return { getItem: () => kept, setItem: (_, value) => void (kept = value) };
}

afterEach(() => {
  new Person(null).choose("");
  vi.unstubAllGlobals();
});

test("a name is kept by the browser and sent with every request", async () => {
  const sent: unknown[] = [];
  vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
    sent.push((init.headers as Record<string, string> | undefined)?.["X-Shoal-User"]);
    return Response.json([]);
  });
  const store = memory();
  new Person(store).choose("  Zoë\n Ö ");
  expect(get(new Person(store).name)).toBe("Zoë Ö");
  await api.users();
  await api.gesture("/api/undo", {});
  new Person(store).choose("");
  await api.users();
  expect(sent).toEqual(["Zo%C3%AB%20%C3%96", "Zo%C3%AB%20%C3%96", undefined]);
});

test("a name is one line of at most sixty characters", () => {
  const person = new Person(null);
  person.choose("a\u202eb" + "x".repeat(80));
  expect(get(person.name)).toBe(`a b${"x".repeat(57)}`);
});
