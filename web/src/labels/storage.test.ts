import "fake-indexeddb/auto";
import { describe, expect, test, vi } from "vitest";
import { type Entry, openStorage, requestId } from "./storage";

describe("storage", () => {
  const entry: Entry = {
    requestId: "x",
    path: "/api/labels",
    body: { request_id: "x" },
    ids: Uint32Array.of(1),
    className: "cat",
    order: 2,
    workspace: "w",
  };

  test("IndexedDB gives back what was put, in order", async () => {
    const storage = await openStorage();
    await storage.put(entry);
    await storage.put({ ...entry, requestId: "y", order: 1 });
    const again = await openStorage();
    expect((await again.all()).map((kept) => kept.requestId)).toEqual(["y", "x"]);
    await again.remove("y");
    expect(await storage.all()).toEqual([entry]);
  });

  test("what an earlier page stored with plain numbers is read as it is stored now", async () => {
    const storage = await openStorage();
    await storage.put({ ...entry, ids: [...entry.ids] as unknown as Uint32Array });
    expect(await storage.all()).toEqual([entry]);
    await storage.remove("x");
  });

  test("localStorage serves where IndexedDB is refused", async () => {
    const kept: Record<string, string> = { unrelated: "1" };
    vi.stubGlobal("indexedDB", undefined);
    vi.stubGlobal(
      "localStorage",
      new Proxy(kept, {
        get: (target, name: string) =>
          ({
            getItem: (key: string) => target[key] ?? null,
            setItem: (key: string, value: string) => void (target[key] = value),
            removeItem: (key: string) => void delete target[key],
          })[name],
      }),
    );
    const storage = await openStorage();
    await storage.put(entry);
    expect(await (await openStorage()).all()).toEqual([entry]);
    await storage.remove("x");
    expect(await storage.all()).toEqual([]);
    vi.unstubAllGlobals();
  });

  test("request ids are what the server takes, and differ", () => {
    expect(requestId()).toMatch(/^[A-Za-z0-9_-]{8,64}$/);
    expect(requestId()).not.toBe(requestId());
  });
});
