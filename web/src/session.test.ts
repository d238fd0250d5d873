import "fake-indexeddb/auto";
import { get } from "svelte/store";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Selection } from "./labels/selection";
import type { Scene } from "./map/scene";
import { Session } from "./session";

const state = (workspace_id: string, label_seq = 0): object => ({
  workspace: workspace_id,
  workspace_id,
  user: "u",
  items: { total: 3, embedded: 3, pending: 0, skipped: 0 },
  layers: [],
  map: null,
  classes: [],
  label_seq,
  labelled: 0,
  undo: null,
  redo: null,
  job: null,
  round: null,
});

/** /api/labels of no items. */
function noLabels(seq = 0): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(16));
  view.setUint32(0, 0x314c4853, true);
  view.setUint16(4, 1, true);
  view.setUint16(6, 1, true);
  view.setUint32(12, seq, true);
  return view.buffer;
}

describe("a session", () => {
  let served: string;
  let posts: { path: string; headers: Record<string, string>; body: Record<string, unknown> }[];
  let refusal: number | null;
  /** What every answer to a gesture waits for. */
  let late: Promise<void>;
  let socket: { onmessage?: () => void };
  let session: Session;
  let comeBack: () => void;
  let asked: number;
  const reload = vi.fn();
  const scene = { map: null, newest: null, setStyles: () => undefined, setHovered: () => undefined } as unknown as Scene;

  beforeEach(async () => {
    served = `A-${Math.random()}`; // the storage outlives a test
    posts = [];
    refusal = null;
    late = Promise.resolve();
    asked = 0;
    reload.mockClear();
    vi.stubGlobal("location", { protocol: "http:", host: "h", reload });
    vi.stubGlobal("window", { addEventListener: () => undefined, removeEventListener: () => undefined });
    vi.stubGlobal("document", {
      visibilityState: "visible",
      addEventListener: (_: string, heard: () => void) => (comeBack = heard),
      removeEventListener: () => undefined,
    });
    vi.stubGlobal("navigator", {});
    vi.stubGlobal("WebSocket", class {
      constructor() {
        socket = this as typeof socket;
      }
      close(): void {}
    });
    vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
      if (init.method === "POST") {
        const headers = init.headers as Record<string, string>;
        posts.push({ path, headers, body: JSON.parse(init.body as string) as Record<string, unknown> });
        await late;
        if (refusal) return Response.json({ detail: "another workspace is served here" }, { status: refusal });
        return Response.json({ seq: 1, count: 1, class_id: 0, label_seq: 0 });
      }
      if (path === "/api/state") asked += 1;
      return path === "/api/state" ? Response.json(state(served)) : new Response(noLabels());
    });
    session = new Session();
    session.start(scene);
    await vi.waitFor(() => expect(get(session.state)).not.toBeNull());
  });
  afterEach(() => {
    session.stop();
    vi.unstubAllGlobals();
  });

  test("asks the server at once when its tab is looked at again", async () => {
    await session.following.now();
    const before = asked;
    comeBack();
    await vi.waitFor(() => expect(asked).toBeGreaterThan(before), { timeout: 1_000 });
  });

  test("names its workspace with what it writes", async () => {
    session.select(Selection.of([1]));
    session.labelling.label("cat", "key");
    await vi.waitFor(() => expect(posts.length).toBe(1));
    expect(posts[0]).toMatchObject({ path: "/api/labels", body: { how: "key" } });
    expect(posts[0]?.headers["X-Shoal-Workspace"]).toBe(served);
    expect(reload).not.toHaveBeenCalled();
  });

  test("begins anew when another workspace is served, and writes nothing into it", async () => {
    const own = served;
    refusal = 421;
    served = `B-${own}`;
    session.select(Selection.lasso(Uint32Array.of(1), 1, Float64Array.of(0, 0, 1, 0, 1, 1)));
    session.labelling.label("cat", "key");
    await vi.waitFor(() => expect(get(session.outbox)).toMatchObject({ pending: 1, trouble: "elsewhere" }));
    expect(posts[0]).toMatchObject({ body: { how: "lasso" }, headers: { "X-Shoal-Workspace": own } });
    socket.onmessage?.();
    await vi.waitFor(() => expect(reload).toHaveBeenCalled());
    expect(get(session.connection)).toBe("elsewhere");
    expect(get(session.state)?.workspace_id).toBe(own);
  });

  test("says at once that an undo of what the server has waits for it", async () => {
    refusal = 503;
    session.select(Selection.of([1, 2]));
    session.labelling.label("cat", "key");
    expect(get(session.labels).classOf(1)).toBe(0);
    session.labelling.undo();
    expect(get(session.labels).classOf(1)).toBe(-1);
    expect(get(session.notice)?.text).toBe("Undone: “cat” on 2 items");
    session.labelling.undo();
    expect(get(session.notice)?.text).toBe("Undo waits for the server.");
  });

  test("a late answer replaces nothing that was said after its gesture, and what went wrong is said then", async () => {
    const said = (): string | undefined => get(session.notice)?.text;
    let answer = (): void => undefined;
    const delay = (): void => void (late = new Promise((resolve) => (answer = resolve)));
    const answered = (): Promise<void> => vi.waitFor(() => expect(get(session.outbox).pending).toBe(0));
    for (const between of [false, true]) {
      delay();
      session.labelling.revert(1);
      expect(said()).toBe("Reverting that gesture…");
      if (between) session.unfilter();
      answer();
      await answered();
      expect(said()).toBe(between ? "Nothing is filtered." : "Reverted: 1 item");
    }
    delay();
    refusal = 422;
    session.labelling.revert(1);
    session.unfilter();
    answer();
    await answered();
    expect(said()).toBe("Nothing is filtered.");
    session.saying.hush();
    expect(said()).toContain("was not saved: another workspace");
  });

  test("pictures are spread apart on both maps, and on neither while a shape is drawn", () => {
    const spread: [string, boolean][] = [];
    const held = { side: false };
    const part = (name: string): object => ({
      spread: (on: boolean) => spread.push([name, on]),
      get isHeld() {
        return name === "side" && held.side;
      },
    });
    Object.defineProperties(scene, Object.getOwnPropertyDescriptors(part("main")));
    const side = Object.defineProperties({ ...scene }, Object.getOwnPropertyDescriptors(part("side"))) as Scene;
    const leave = session.showBeside(side);
    spread.length = 0;
    held.side = true;
    session.turnSpread();
    expect([spread, get(session.selecting.spread), get(session.notice)?.text]).toEqual([[], false, expect.stringContaining("Not while")]);
    held.side = false;
    session.turnSpread();
    expect(spread).toEqual([["main", true], ["side", true]]);
    leave();
    session.turnSpread();
    expect(spread.slice(2)).toEqual([["main", false]]);
  });

  test("an unanswered server leaves the selection and the explanation", () => {
    const early = new Session();
    early.select(Selection.of([1]));
    early.labelling.label("cat", "key");
    expect(get(early.notice)?.text).toContain("has not answered yet");
    expect(get(early.selection).count).toBe(1);
  });
});
