import { get, writable } from "svelte/store";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type State, Unreachable } from "../api/client";
import { NO_LABELS } from "../labels/labels";
import type { Scene } from "../map/scene";
import { Saying } from "../session/saying";
import { type ColumnInfo, lookApi } from "./api";
import { OPEN } from "./filters";
import { Looking } from "./looking";

const WIDTH: ColumnInfo = { id: 1, name: "Width", kind: "number" } as ColumnInfo;

describe("looking", () => {
  let saying: Saying;
  let looking: Looking;
  let changed: number;
  let fail: () => void;
  let server: ReturnType<typeof writable<State | null>>;
  const state = { workspace_id: "w", classes: [], items: { embedded: 2 } } as unknown as State;
  const said = (): string | undefined => get(saying.notice)?.text;
  /** An answer that does not come until it `fail`s. */
  const lost = (): Promise<never> => new Promise((_, reject) => (fail = () => reject(new Unreachable(null))));

  beforeEach(async () => {
    vi.spyOn(lookApi, "columns").mockResolvedValue([WIDTH]);
    vi.spyOn(lookApi, "passing").mockImplementation(lost);
    vi.spyOn(lookApi, "values").mockImplementation(lost);
    saying = new Saying();
    changed = 0;
    server = writable(state);
    looking = new Looking(server, writable(NO_LABELS), writable(null), () => (changed += 1), saying);
    looking.scene = { points: { ids: Uint32Array.of(0, 1), size: 2 } } as unknown as Scene;
    await vi.waitFor(() => expect(get(looking.columns)).toEqual([WIDTH]));
  });
  afterEach(() => void vi.restoreAllMocks());

  test.each([
    ["filter", () => looking.filters.set({ ...OPEN, text: "a" })],
    ["colour", () => looking.colour.set({ by: "column", id: 1 })],
  ])("a %s that fails late replaces nothing that was said meanwhile, nor does one that is asked for again", async (_, ask) => {
    ask();
    saying.say("Labelled 3 items", "done");
    for (const again of [false, true]) {
      if (again) server.set(state);
      fail();
      await new Promise((resolve) => setTimeout(resolve));
      expect(said()).toBe("Labelled 3 items");
      saying.hush();
      expect(said()).toBe("The server does not answer.");
      saying.hush();
      saying.say("Labelled 3 items", "done");
    }
  });

  test("a filter that failed is gone once it is taken back: it holds nothing back, and is not asked for again", async () => {
    looking.filters.set({ ...OPEN, text: "a" });
    looking.paint();
    expect(get(looking.passCount)).toBe(0);
    fail();
    await vi.waitFor(() => expect(said()).toBeDefined());
    looking.filters.set({ ...OPEN, labelled: false });
    looking.paint();
    expect(get(looking.passCount)).toBe(2);
    const before = changed;
    server.set(state);
    await new Promise((resolve) => setTimeout(resolve));
    expect(changed).toBe(before);
  });
});
