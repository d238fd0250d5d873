import { derived, get, type Readable, writable } from "svelte/store";
import { api, remedy, type LabelResult, type State } from "./api/client";
import { Changes } from "./api/changes";
import type { LabelColumn } from "./api/columns";
import { type LabelView, NO_LABELS, overlay } from "./labels/labels";
import { Outbox, type OutboxState } from "./labels/outbox";
import { MOST_IDS, Selection } from "./labels/selection";
import { type Entry, openStorage, requestId } from "./labels/storage";
import { classColour } from "./map/palette";
import { idsInside, type Polygon } from "./map/polygon";
import type { Scene } from "./map/scene";
import { number, plural } from "./ui/format";

export type Tool = "lasso" | "pan";
export type How = "lasso" | "key" | "click";
/** How a new selection meets the one there is. */
export type Mode = "new" | "add" | "remove";

/** Whether the server answers, and whether it knows us. */
export type Connection = "connecting" | "ok" | "lost" | "locked";

/** A line of text that comes and goes. */
export interface Notice {
  text: string;
  kind: "done" | "problem";
  undo: boolean;
}

const NOTICE_MS = { done: 6_000, problem: 12_000 };

/** The state of the page and everything a person can do to it. Components read the stores and call the methods. */
export class Session {
  readonly state = writable<State | null>(null);
  readonly connection = writable<Connection>("connecting");
  readonly outbox = writable<OutboxState>({ pending: 0, trouble: "none" });
  readonly labels = writable<LabelView>(NO_LABELS);
  readonly selection = writable(Selection.EMPTY);
  /** The item under the pointer, on the map or in the tray; -1: none. */
  readonly hovered = writable(-1);
  readonly notice = writable<Notice | null>(null);
  readonly colouring = writable(true);
  readonly tool = writable<Tool>("lasso");
  readonly busy: Readable<boolean>;

  private scene: Scene | null = null;
  private sender: Outbox | null = null;
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
    this.changes.start();
  }

  stop(): void {
    this.changes.stop();
    this.scene = null;
  }

  // Selecting

  /** The items inside a polygon of the map as it is now. */
  inside(polygon: Polygon): Selection {
    const { scene } = this;
    if (!scene || scene.map === null) return Selection.EMPTY;
    return Selection.lasso(idsInside(polygon, scene.points.ids, scene.points.b), scene.map, polygon);
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
    const wire = selection.wire(this.scene?.map ?? null);
    if (!wire)
      return this.say(
        `A joined selection can hold ${number(MOST_IDS)} items at most, this one has ${number(selection.count)}. ` +
          "Label it in parts: one lasso may hold any number.",
        "problem",
      );
    const id = requestId();
    const body = { request_id: id, selection: wire, class_name: className, how };
    void this.send({ requestId: id, path: "/api/labels", body, ids: [...selection.ids()], className });
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
    void this.send({ requestId: id, path: "/api/classes", body: { request_id: id, name }, ids: [], className: name });
  }

  undo(): void {
    this.turn("undo");
  }

  redo(): void {
    this.turn("redo");
  }

  private turn(way: "undo" | "redo"): void {
    const state = get(this.state);
    const waiting = (this.sender?.waiting.length ?? 0) > 0;
    if (!waiting && state && !state[way]) return this.say(`There is nothing to ${way}.`, "problem");
    const id = requestId();
    void this.send({ requestId: id, path: `/api/${way}`, body: { request_id: id }, ids: [], className: null });
  }

  private async send(gesture: Omit<Entry, "order" | "workspace">): Promise<void> {
    if (!this.sender) return this.say("The server has not answered yet: try again in a moment.", "problem");
    await this.sender.add(gesture);
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
      const state = await api.state();
      this.connection.set("ok");
      await this.openOutbox(state.workspace_id);
      this.sender?.nudge();
      if (state.label_seq !== this.column.seq) this.column = await api.labels();
      this.state.set(state);
      this.showLabels();
      if (state.map && state.map.id !== this.scene?.map) await this.showMap(state.map.id);
    } catch (error) {
      // A refusal is a map that has just been replaced: the next state names the newer one.
      const answer = remedy(error);
      if (answer !== "refused") this.connection.set(answer === "reopen" ? "locked" : "lost");
    }
  }

  private async showMap(id: number): Promise<void> {
    const points = await api.points(id);
    this.scene?.setMap(id, points);
    this.restyle();
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
    );
  }

  /** The server has a gesture: wait until the page has the labels that hold it. */
  private async confirmed(entry: Entry, result: LabelResult): Promise<void> {
    if (entry.path === "/api/undo" || entry.path === "/api/redo") {
      const done = entry.path === "/api/undo" ? "Undone" : "Done again";
      this.say(`${done}: ${plural(result.count, "item")}`, "done");
    }
    for (let attempt = 0; attempt < 5 && this.column.seq < result.label_seq; attempt += 1) await this.changes.now();
  }

  private refused(entry: Entry, reason: string): void {
    const what = entry.className ? `“${entry.className}”` : "That";
    this.say(`${what} was not saved: ${reason}`, "problem");
    void this.changes.now();
  }

  private showLabels(): void {
    const classes = get(this.state)?.classes ?? [];
    this.labels.set(overlay(this.column, classes, this.sender?.waiting ?? []));
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

function isAlive(state: State | null): boolean {
  return state?.job?.state === "running" || state?.job?.state === "queued";
}
