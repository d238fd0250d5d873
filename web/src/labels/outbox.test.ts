import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ApiError, type LabelResult } from "../api/client";
import { type Lock, Outbox, type OutboxState } from "./outbox";
import type { Entry, Storage } from "./storage";

const result = (seq: number): LabelResult => ({ seq, count: 1, class_id: 0, label_seq: seq });
const gesture = (name: string): Omit<Entry, "order" | "workspace"> => ({
  requestId: name,
  path: "/api/labels",
  body: { request_id: name },
  ids: Uint32Array.of(1),
  className: "cat",
});

/** A storage that remembers across outboxes, as a browser's does across reloads. */
function memory(): Storage & { kept: Map<string, Entry> } {
  const kept = new Map<string, Entry>();
  return {
    kept,
    all: async () => [...kept.values()].sort((a, b) => a.order - b.order),
    put: async (entry) => void kept.set(entry.requestId, entry),
    remove: async (id) => void kept.delete(id),
  };
}

function listener(): {
  states: OutboxState[];
  confirmed: string[];
  refused: string[];
  events: Parameters<typeof Outbox.open>[3];
} {
  const states: OutboxState[] = [];
  const confirmed: string[] = [];
  const refused: string[] = [];
  const events = {
    changed: (state: OutboxState) => void states.push(state),
    confirmed: async (entry: Entry) => void confirmed.push(entry.requestId),
    refused: (entry: Entry, reason: string) => void refused.push(`${entry.requestId}: ${reason}`),
  };
  return { states, confirmed, refused, events };
}

describe("outbox", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("a gesture is kept before it is sent and until it is confirmed", async () => {
    const storage = memory();
    const heard = listener();
    const send = vi.fn(async () => {
      expect(storage.kept.size).toBe(1);
      return result(1);
    });
    const outbox = await Outbox.open(storage, "w", send, heard.events);
    await outbox.add(gesture("a"));
    await vi.runAllTimersAsync();
    expect(heard.confirmed).toEqual(["a"]);
    expect(storage.kept.size).toBe(0);
    expect(heard.states.at(-1)).toEqual({ pending: 0, trouble: "none", loose: 0 });
    expect(heard.states.some((state) => state.pending === 1)).toBe(true);
  });

  test("without a server it waits, says so, and sends in order when it is back", async () => {
    const heard = listener();
    let up = false;
    const sent: string[] = [];
    const send = async (_: string, body: object): Promise<LabelResult> => {
      if (!up) throw new TypeError("Failed to fetch");
      sent.push((body as { request_id: string }).request_id);
      return result(sent.length);
    };
    const outbox = await Outbox.open(memory(), "w", send, heard.events);
    for (const name of ["a", "b", "c"]) await outbox.add(gesture(name));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sent).toEqual([]);
    expect(heard.states.at(-1)).toEqual({ pending: 3, trouble: "unreachable", loose: 0 });
    up = true;
    await vi.advanceTimersByTimeAsync(8_000);
    expect(sent).toEqual(["a", "b", "c"]);
    expect(heard.states.at(-1)).toEqual({ pending: 0, trouble: "none", loose: 0 });
  });

  test("a lost answer means the same request again, with the same id", async () => {
    const ids: string[] = [];
    const send = async (_: string, body: object): Promise<LabelResult> => {
      ids.push((body as { request_id: string }).request_id);
      if (ids.length === 1) throw new TypeError("connection reset");
      return result(1);
    };
    const outbox = await Outbox.open(memory(), "w", send, listener().events);
    await outbox.add(gesture("a"));
    await vi.runAllTimersAsync();
    expect(ids).toEqual(["a", "a"]);
  });

  test("what an earlier visit left is sent, in its order, but not into another workspace", async () => {
    const storage = memory();
    for (const [name, order, workspace] of [["late", 5, "w"], ["early", 2, "w"], ["other", 1, "x"]] as const)
      await storage.put({ ...gesture(name), order, workspace });
    const heard = listener();
    await Outbox.open(storage, "w", async () => result(1), heard.events);
    await vi.runAllTimersAsync();
    expect(heard.confirmed).toEqual(["early", "late"]);
    expect([...storage.kept.keys()]).toEqual(["other"]);
  });

  test("a refused gesture is taken back with the reason; the next one goes on", async () => {
    const heard = listener();
    const send = async (_: string, body: object): Promise<LabelResult> => {
      if ((body as { request_id: string }).request_id === "bad") throw new ApiError(422, "no such map");
      return result(1);
    };
    const outbox = await Outbox.open(memory(), "w", send, heard.events);
    await outbox.add(gesture("bad"));
    await outbox.add(gesture("good"));
    await vi.runAllTimersAsync();
    expect(heard.refused).toEqual(["bad: no such map"]);
    expect(heard.confirmed).toEqual(["good"]);
    expect(outbox.waiting).toEqual([]);
  });

  test("a server that does not know us any more is no refusal: the gesture stays", async () => {
    const heard = listener();
    const outbox = await Outbox.open(memory(), "w", async () => Promise.reject(new ApiError(401, "")), heard.events);
    await outbox.add(gesture("a"));
    await vi.advanceTimersByTimeAsync(30_000);
    expect(heard.states.at(-1)).toEqual({ pending: 1, trouble: "reopen", loose: 0 });
    expect(heard.refused).toEqual([]);
  });

  test("a nudge ends the wait", async () => {
    let up = false;
    const send = async (): Promise<LabelResult> => (up ? result(1) : Promise.reject(new TypeError("down")));
    const heard = listener();
    const outbox = await Outbox.open(memory(), "w", send, heard.events);
    await outbox.add(gesture("a"));
    await vi.advanceTimersByTimeAsync(20_000);
    up = true;
    outbox.nudge();
    await vi.advanceTimersByTimeAsync(1);
    expect(heard.confirmed).toEqual(["a"]);
  });

  test("a nudge during an attempt is not lost: the next attempt follows at once", async () => {
    const heard = listener();
    const attempts: ((error: Error) => void)[] = [];
    let up = false;
    const send = (): Promise<LabelResult> =>
      up ? Promise.resolve(result(1)) : new Promise((_, reject) => void attempts.push(reject));
    const outbox = await Outbox.open(memory(), "w", send, heard.events);
    await outbox.add(gesture("a"));
    for (let i = 0; i < 5; i += 1) {
      await vi.advanceTimersByTimeAsync(8_000);
      attempts.at(-1)!(new TypeError("down"));
    }
    await vi.advanceTimersByTimeAsync(8_000); // an attempt is under way, and the next wait is the longest
    up = true;
    outbox.nudge();
    attempts.at(-1)!(new TypeError("down"));
    await vi.advanceTimersByTimeAsync(1);
    expect(heard.confirmed).toEqual(["a"]);
  });

  test("a storage that does not answer keeps no gesture from being sent, nor from being told as saved", async () => {
    const heard = listener();
    const storage = memory();
    const stuck: Storage = { ...storage, all: () => new Promise(() => undefined), remove: () => new Promise(() => undefined) };
    const opening = Outbox.open(stuck, "w", async () => result(1), heard.events);
    await vi.advanceTimersByTimeAsync(3_000);
    const outbox = await opening;
    await outbox.add(gesture("a"));
    await vi.advanceTimersByTimeAsync(3_000);
    expect(heard.confirmed).toEqual(["a"]);
    expect(heard.states.at(-1)).toEqual({ pending: 0, trouble: "none", loose: 0 });
  });

  test("a draft that is gone drops no label: it is said by its ids", async () => {
    const heard = listener();
    const storage = memory();
    const sent: object[] = [];
    const send = async (_: string, body: object): Promise<LabelResult> => {
      const { selection } = body as { selection: { map_id: number | null } };
      if (selection.map_id !== null) throw new ApiError(404, "map 3 is gone");
      expect(storage.kept.get("a")?.body).toEqual(body);
      sent.push(body);
      return result(1);
    };
    const outbox = await Outbox.open(storage, "w", send, heard.events);
    const selection = { map_id: 3, polygon: [[0, 0], [1, 0], [1, 1]], ids: [], without: [] };
    await outbox.add({ ...gesture("a"), ids: Uint32Array.of(4, 8), body: { request_id: "a", selection, class_name: "cat", how: "lasso" } });
    await vi.runAllTimersAsync();
    expect(sent).toEqual([
      { request_id: "a", selection: { map_id: null, polygon: null, ids: [4, 8], without: [] }, class_name: "cat", how: "lasso" },
    ]);
    expect([heard.confirmed, heard.refused, storage.kept.size]).toEqual([["a"], [], 0]);
  });

  test("a refusal ends the trouble and the long wait that came before it", async () => {
    const heard = listener();
    let answer: Error = new TypeError("down");
    const outbox = await Outbox.open(memory(), "w", async () => Promise.reject(answer), heard.events);
    await outbox.add(gesture("bad"));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(heard.states.at(-1)?.trouble).toBe("unreachable");
    answer = new ApiError(422, "no");
    await vi.advanceTimersByTimeAsync(8_000);
    expect(heard.states.at(-1)).toEqual({ pending: 0, trouble: "none", loose: 0 });
    answer = new TypeError("down");
    await outbox.add(gesture("next"));
    const tries = heard.states.length;
    await vi.advanceTimersByTimeAsync(600);
    expect(heard.states.length).toBeGreaterThan(tries);
  });

  test("another program's 404 and another workspace's server are no refusal", async () => {
    const heard = listener();
    const answers = [new ApiError(404, null), new ApiError(405, null), new ApiError(421, "another workspace")];
    const seen: OutboxState["trouble"][] = [];
    const send = async (): Promise<LabelResult> => {
      seen.push(heard.states.at(-1)!.trouble);
      const answer = answers.shift();
      return answer ? Promise.reject(answer) : result(1);
    };
    const outbox = await Outbox.open(memory(), "w", send, heard.events);
    await outbox.add(gesture("a"));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(seen).toEqual(["none", "unreachable", "unreachable", "elsewhere"]);
    expect([heard.confirmed, heard.refused]).toEqual([["a"], []]);
  });

  test("a listener that fails stops the sending only until the next nudge", async () => {
    const heard = listener();
    const send = async (_: string, body: object): Promise<LabelResult> =>
      (body as { request_id: string }).request_id === "bad" ? Promise.reject(new ApiError(422, "no")) : result(1);
    const broken = { ...heard.events, refused: () => { throw new Error("a bug in the page"); } };
    const outbox = await Outbox.open(memory(), "w", send, broken);
    await Promise.all([outbox.add(gesture("bad")), outbox.add(gesture("good"))]);
    await vi.runAllTimersAsync();
    outbox.nudge();
    await vi.runAllTimersAsync();
    expect(heard.confirmed).toEqual(["good"]);
  });

  test("a browser that stores nothing still sends, and the page knows what only this tab holds", async () => {
    const heard = listener();
    const broken: Storage = {
      all: () => Promise.reject(new Error("corrupt")),
      put: () => Promise.reject(new Error("quota")),
      remove: () => Promise.reject(new Error("corrupt")),
    };
    let up = false;
    const send = async (): Promise<LabelResult> => (up ? result(1) : Promise.reject(new TypeError("down")));
    const outbox = await Outbox.open(broken, "w", send, heard.events);
    expect(outbox.safe).toBe(true);
    await outbox.add(gesture("a"));
    expect(outbox.safe).toBe(false);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(heard.states.at(-1)).toEqual({ pending: 1, trouble: "unreachable", loose: 1 });
    outbox.follow(await outbox.look());
    expect(outbox.waiting.length).toBe(1);
    up = true;
    await vi.advanceTimersByTimeAsync(8_000);
    expect(heard.confirmed).toEqual(["a"]);
    expect(heard.states.at(-1)).toEqual({ pending: 0, trouble: "none", loose: 0 });
    expect(outbox.safe).toBe(true);
  });
});

describe("two tabs", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** What the browser's lock manager does: one at a time, in the order asked. */
  function locks(): Lock {
    let last: Promise<unknown> = Promise.resolve();
    return (work) => {
      const mine = last.then(work, work);
      last = mine;
      return mine;
    };
  }

  test("one sends what the other has left, each gesture once, and both end empty", async () => {
    const storage = memory();
    const lock = locks();
    const [here, there] = [listener(), listener()];
    let up = false;
    const sent: string[] = [];
    const send = async (_: string, body: object): Promise<LabelResult> => {
      if (!up) throw new TypeError("down");
      sent.push((body as { request_id: string }).request_id);
      return result(sent.length);
    };
    const first = await Outbox.open(storage, "w", send, here.events, lock);
    const second = await Outbox.open(storage, "w", send, there.events, lock);
    await first.add(gesture("a"));
    await vi.advanceTimersByTimeAsync(1_000);
    await second.add(gesture("b"));
    await vi.advanceTimersByTimeAsync(3_000);
    second.follow(await second.look());
    expect(second.waiting.map((entry) => entry.requestId)).toEqual(["a", "b"]);
    up = true;
    await vi.advanceTimersByTimeAsync(10_000);
    for (const tab of [first, second]) tab.follow(await tab.look());
    expect([...new Set(sent)]).toEqual(["a", "b"]);
    expect([first.waiting, second.waiting, storage.kept.size]).toEqual([[], [], 0]);
  });

  test("a page that is slow to show what was confirmed keeps no other tab from sending", async () => {
    const storage = memory();
    const lock = locks();
    const [here, there] = [listener(), listener()];
    const slow = { ...here.events, confirmed: () => new Promise<void>(() => undefined) };
    const first = await Outbox.open(storage, "w", async () => result(1), slow, lock);
    const second = await Outbox.open(storage, "w", async () => result(2), there.events, lock);
    await first.add(gesture("a"));
    await first.add(gesture("b"));
    await vi.advanceTimersByTimeAsync(1);
    expect([first.waiting.length, storage.kept.size]).toEqual([2, 0]); // sent both, and still shown
    expect(first.follow(await first.look())).toEqual([]); // it has the answers itself
    await second.add(gesture("c"));
    await vi.advanceTimersByTimeAsync(1);
    expect(there.confirmed).toEqual(["c"]);
  });

  test("what another tab has sent is no trouble of this one any more", async () => {
    const storage = memory();
    const heard = listener();
    const locked = async (): Promise<LabelResult> => Promise.reject(new ApiError(401, ""));
    const outbox = await Outbox.open(storage, "w", locked, heard.events);
    await outbox.add(gesture("a"));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(heard.states.at(-1)).toEqual({ pending: 1, trouble: "reopen", loose: 0 });
    await Outbox.open(storage, "w", async () => result(1), listener().events);
    await vi.advanceTimersByTimeAsync(1);
    outbox.follow(await outbox.look());
    expect(heard.states.at(-1)).toEqual({ pending: 0, trouble: "none", loose: 0 });
    await vi.runAllTimersAsync();
    expect(heard.states.at(-1)).toEqual({ pending: 0, trouble: "none", loose: 0 });
  });

  test("a closed tab's gestures are sent by the one that is open", async () => {
    const storage = memory();
    const heard = listener();
    const open = await Outbox.open(storage, "w", async () => result(1), heard.events);
    await storage.put({ ...gesture("orphan"), order: 3, workspace: "w" });
    await storage.put({ ...gesture("other"), order: 3, workspace: "x" });
    open.follow(await open.look());
    await vi.runAllTimersAsync();
    expect(heard.confirmed).toEqual(["orphan"]);
  });

  test("what another tab has had confirmed is let go; what is not stored yet is kept", async () => {
    const storage = memory();
    const outbox = await Outbox.open(storage, "w", () => new Promise(() => undefined), listener().events);
    await outbox.add(gesture("a"));
    const early = await outbox.look();
    await outbox.add(gesture("b"));
    expect(outbox.follow(early)).toEqual([]); // read before b was stored
    expect(outbox.waiting.map((entry) => entry.requestId)).toEqual(["a", "b"]);
    storage.kept.delete("a");
    expect(outbox.follow(await outbox.look())).toEqual(["a"]);
    expect(outbox.waiting.map((entry) => entry.requestId)).toEqual(["b"]);
  });
});
