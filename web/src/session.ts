import { derived, get, type Readable, writable } from "svelte/store";
import { api, remedy, speakFor, type LabelResult, type State } from "./api/client";
import { Changes } from "./api/changes";
import type { LabelColumn } from "./api/columns";
import { Facts } from "./items/facts";
import { type LabelView, NO_LABELS, overlay, takenBack } from "./labels/labels";
import { type Lock, Outbox, type OutboxState } from "./labels/outbox";
import { MOST_IDS, Selection } from "./labels/selection";
import { type Entry, openStorage, requestId } from "./labels/storage";
import { classColour } from "./map/palette";
import { idsInside, type Polygon } from "./map/polygon";
import type { Scene } from "./map/scene";
import { number, plural } from "./ui/format";

export type Tool = "lasso" | "pan";
/** What a label was given with, where not right out of a lasso. */
export type How = "key" | "click";
/** How a new selection meets the one there is. */
export type Mode = "new" | "add" | "remove";

/** Whether the server answers, knows us, and serves the workspace that this page shows. */
export type Connection = "connecting" | "ok" | "lost" | "locked" | "elsewhere";

/** A line of text that comes and goes. */
export interface Notice {
  text: string;
  kind: "done" | "problem";
  undo: boolean;
}

const NONE: readonly Entry[] = [];
const NOTICE_MS = { done: 6_000, problem: 12_000 };

/** The state of the page and everything a person can do to it. Components read the stores and call the methods. */
export class Session {
  readonly state = writable<State | null>(null);
  readonly connection = writable<Connection>("connecting");
  readonly outbox = writable<OutboxState>({ pending: 0, trouble: "none", loose: 0 });
  readonly labels = writable<LabelView>(NO_LABELS);
  readonly selection = writable(Selection.EMPTY);
  /** The item under the pointer, on the map or in the tray; -1: none. */
  readonly hovered = writable(-1);
  readonly notice = writable<Notice | null>(null);
  readonly colouring = writable(true);
  readonly tool = writable<Tool>("lasso");
  readonly facts = new Facts(api.item);
  readonly busy: Readable<boolean>;

  private scene: Scene | null = null;
  private sender: Outbox | null = null;
  /** The workspace that this page shows, for as long as it lives. */
  private workspace = "";
  /** The job that was the last to end, as of the state before; undefined: not known yet. */
  private lastEnded: number | null | undefined;
  /** What the labels on show were made of. */
  private shownFrom: { column: LabelColumn; classes: string; waiting: readonly Entry[] } | null = null;
  private column: LabelColumn = { classes: new Int32Array(0), seq: -1 };
  private readonly changes: Changes;
  private preview: Selection | null = null;
  private noticeTimer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.busy = derived(this.state, (state) => isAlive(state));
    this.changes = new Changes(
      () => this.refresh(),
      () => (isAlive(get(this.state)) ? 2_000 : 5_000),
    );
    this.selection.subscribe((selection) => {
      if (selection.isEmpty) this.hovered.set(-1); // what was hovered in the tray is gone with it
      this.restyle();
    });
    this.colouring.subscribe(() => this.restyle());
    this.labels.subscribe(() => this.restyle());
    this.hovered.subscribe((id) => this.scene?.setHovered(id));
  }

  /** Begin, drawing into this scene. */
  start(scene: Scene): void {
    this.scene = scene;
    scene.onMap = () => this.restyle();
    window.addEventListener("beforeunload", this.onLeave);
    this.changes.start();
  }

  stop(): void {
    window.removeEventListener("beforeunload", this.onLeave);
    this.changes.stop();
    this.scene = null;
  }

  // Selecting

  /** Keep the browser from closing what only this tab knows. */
  private readonly onLeave = (event: BeforeUnloadEvent): void => {
    if (this.sender?.safe === false) event.preventDefault();
  };

  /** The items inside a polygon of the map as it is drawn now. */
  inside(polygon: Polygon): Selection {
    const { scene } = this;
    if (!scene || scene.map === null) return Selection.EMPTY;
    return Selection.lasso(idsInside(polygon, scene.points.ids, scene.points), scene.map, polygon);
  }

  select(drawn: Selection, mode: Mode = "new"): void {
    this.selection.update((before) =>
      mode === "add" ? before.plus(drawn) : mode === "remove" ? before.minus(drawn) : drawn,
    );
  }

  selectAll(): void {
    this.select(this.inside(Float64Array.of(-1, -1, 2, -1, 2, 2, -1, 2)));
  }

  /** Select the items of a class. */
  selectClass(id: number): void {
    const { classOf } = get(this.labels);
    this.select(Selection.of((this.scene?.points.ids ?? new Uint32Array(0)).filter((item) => classOf(item) === id)));
  }

  toggleStranger(id: number): void {
    this.selection.update((selection) => selection.toggle(id));
  }

  // Labelling

  /** Give the selection a class, or none; a name the server does not know makes the class. */
  label(className: string | null, how: How): void {
    const selection = get(this.selection);
    if (selection.isEmpty) return this.say("Nothing is selected: draw a lasso around some items first.", "problem");
    const wire = selection.wire();
    if (!wire)
      return this.say(
        `A joined selection can hold ${number(MOST_IDS)} items at most, this one has ${number(selection.count)}. ` +
          "Label it in parts: one lasso may hold any number.",
        "problem",
      );
    const id = requestId();
    const body = {
      request_id: id,
      selection: wire,
      class_name: className,
      how: selection.origin.kind === "lasso" ? "lasso" : how,
    };
    if (!this.send({ requestId: id, path: "/api/labels", body, ids: [...selection.ids()], className })) return;
    const what = plural(selection.count, "item");
    this.say(className === null ? `Took the labels of ${what} away` : `Labelled ${what} “${className}”`, "done", true);
    this.selection.set(Selection.EMPTY);
  }

  /** Label with the class that has this digit. */
  labelByKey(digit: number): void {
    const found = get(this.labels).classes.find((candidate) => candidate.key === digit);
    if (found) this.label(found.name, "key");
    else this.say(`No class has the key ${digit} yet: press Enter and type a name.`, "problem");
  }

  /** A typed name: it labels the selection, or makes an empty class where nothing is selected. */
  nameClass(typed: string): void {
    const name = typed.trim();
    if (!name) return;
    if (!get(this.selection).isEmpty) return this.label(name, "key");
    if (get(this.labels).classes.some((known) => known.name === name))
      return this.say(`There is a class “${name}” already.`, "problem");
    const id = requestId();
    const body = { request_id: id, name };
    if (!this.send({ requestId: id, path: "/api/classes", body, ids: [], className: name })) return;
    const before = get(this.state)?.undo || get(this.outbox).pending > 1;
    this.say(`Made the empty class “${name}”.${before ? " Undo takes back the gesture before it." : ""}`, "done");
  }

  undo(): void {
    this.turn("undo");
  }

  redo(): void {
    this.turn("redo");
  }

  private turn(way: "undo" | "redo"): void {
    const state = get(this.state);
    const waiting = this.sender?.waiting ?? [];
    if (waiting.length === 0 && state && !state[way]) return this.say(`There is nothing to ${way}.`, "problem");
    const before = takenBack(waiting);
    const id = requestId();
    if (!this.send({ requestId: id, path: `/api/${way}`, body: { request_id: id }, ids: [], className: null })) return;
    const after = takenBack(this.sender?.waiting ?? []);
    const [more, less] = way === "undo" ? [after, before] : [before, after];
    const turned = [...more].find((entry) => !less.has(entry));
    // What the server has already, only the server can turn.
    if (turned) this.say(turnedText(way, turned.className, turned.ids.length), "done");
    else this.say(`${way === "undo" ? "Undo" : "Redo"} waits for the server.`, "done");
  }

  /** Hand a gesture to the outbox; false, and said so, where there is none yet. */
  private send(gesture: Omit<Entry, "order" | "workspace">): boolean {
    if (!this.sender) this.say("The server has not answered yet: try again in a moment.", "problem");
    else void this.sender.add(gesture);
    return this.sender !== null;
  }

  // Jobs

  async startJob(): Promise<void> {
    await this.ask(() => api.startJob());
  }

  async cancelJob(): Promise<void> {
    const job = get(this.state)?.job;
    if (job) await this.ask(() => api.cancelJob(job.id));
  }

  private async ask(request: () => Promise<unknown>): Promise<void> {
    try {
      await request();
    } catch (error) {
      this.say(error instanceof Error ? error.message : String(error), "problem");
    }
    await this.changes.now();
  }

  // Saying

  say(text: string, kind: Notice["kind"], undo = false): void {
    clearTimeout(this.noticeTimer);
    this.notice.set({ text, kind, undo });
    this.noticeTimer = setTimeout(() => this.notice.set(null), NOTICE_MS[kind]);
  }

  hush(): void {
    clearTimeout(this.noticeTimer);
    this.notice.set(null);
  }

  // Following the server

  /** Fetch the state, and what it says is new. */
  private async refresh(): Promise<void> {
    try {
      const seen = (await this.sender?.look()) ?? null;
      const state = await api.state();
      if (!this.isOurs(state.workspace_id)) return;
      this.connection.set("ok");
      await this.openOutbox(state.workspace_id);
      this.sender?.nudge();
      if (state.label_seq !== this.column.seq) this.column = await api.labels();
      this.state.set(state);
      this.sender?.follow(seen);
      this.showLabels();
      this.noteEnded(state);
      if (state.map && state.map.id !== this.scene?.newest) await this.showMap(state.map.id);
    } catch (error) {
      // A refusal is a map that has just been replaced: the next state names the newer one.
      const answer = remedy(error);
      if (answer !== "refused") this.connection.set(answer === "reopen" ? "locked" : "lost");
    }
  }

  /** Whether the server serves what this page shows. Where not, the page begins anew, unless gestures were lost by
   * that: they wait for their own workspace. */
  private isOurs(workspaceId: string): boolean {
    if (this.workspace === "") speakFor((this.workspace = workspaceId));
    if (this.workspace === workspaceId) return true;
    this.connection.set("elsewhere");
    if (this.sender?.safe !== false) location.reload();
    return false;
  }

  private async showMap(id: number): Promise<void> {
    this.scene?.setMap(id, await api.points(id));
  }

  /** When a job has ended, files that changed have new pictures and facts. */
  private noteEnded(state: State): void {
    if (isAlive(state)) return;
    const ended = state.job?.id ?? null;
    if (this.lastEnded !== undefined && ended !== this.lastEnded) {
      this.scene?.renewPictures();
      this.facts.forget();
    }
    this.lastEnded = ended;
  }

  private async openOutbox(workspace: string): Promise<void> {
    this.sender ??= await Outbox.open(
      await openStorage(),
      workspace,
      (path, body) => api.gesture(path, body),
      {
        changed: (state) => {
          this.outbox.set(state);
          this.showLabels();
        },
        confirmed: (entry, result) => this.confirmed(entry, result),
        refused: (entry, reason) => this.refused(entry, reason),
      },
      lockFor(workspace),
    );
  }

  /** The server has a gesture: wait until the page has the labels that hold it. */
  private async confirmed(entry: Entry, result: LabelResult): Promise<void> {
    for (let attempt = 0; attempt < 5 && this.column.seq < result.label_seq; attempt += 1) await this.changes.now();
    if (entry.path !== "/api/undo" && entry.path !== "/api/redo") return;
    const way = entry.path === "/api/undo" ? "undo" : "redo";
    const state = get(this.state);
    const name = state?.classes.find((known) => known.id === result.class_id)?.name ?? null;
    const kind = state?.[way === "undo" ? "redo" : "undo"]?.kind;
    if (name === null && kind === "label") this.say(turnedText(way, "several classes", result.count), "done"); // an import
    else this.say(turnedText(way, name, result.count), "done");
  }

  private refused(entry: Entry, reason: string): void {
    const what = entry.className ? `“${entry.className}”` : "That";
    this.say(`${what} was not saved: ${reason}`, "problem");
    void this.changes.now();
  }

  private showLabels(): void {
    const known = get(this.state)?.classes ?? [];
    const from = { column: this.column, classes: JSON.stringify(known), waiting: this.sender?.waiting ?? NONE };
    const last = this.shownFrom;
    if (last && last.column === from.column && last.classes === from.classes && last.waiting === from.waiting) return;
    this.shownFrom = from;
    this.labels.set(overlay(from.column, known, from.waiting));
  }

  /** Show what a lasso would select while it is drawn; null: show the selection again. */
  showPreview(drawn: Selection | null, mode: Mode): void {
    const before = get(this.selection);
    this.preview = drawn && (mode === "add" ? before.plus(drawn) : mode === "remove" ? before.minus(drawn) : drawn);
    this.restyle();
  }

  private restyle(): void {
    const { scene } = this;
    if (!scene) return;
    const { classOf } = get(this.labels);
    const selection = this.preview ?? get(this.selection);
    const colouring = get(this.colouring);
    scene.setStyles(
      (id) => {
        const of = colouring ? classOf(id) : -1;
        return of < 0 ? null : classColour(of);
      },
      (id) => selection.has(id),
    );
  }
}

/** What an undo or redo did, by name; null: labels taken away. */
function turnedText(way: "undo" | "redo", className: string | null, count: number): string {
  const what = className === null ? "labels taken away from" : `“${className}” on`;
  return `${way === "undo" ? "Undone" : "Done again"}: ${what} ${plural(count, "item")}`;
}

/** One sender per workspace, whatever the number of tabs; on plain http browsers have no locks, and request ids
 * must do. */
function lockFor(workspace: string): Lock {
  return async (work) => (navigator.locks ? navigator.locks.request(`shoal-outbox/${workspace}`, work) : work());
}

function isAlive(state: State | null): boolean {
  return state?.job?.state === "running" || state?.job?.state === "queued";
}
