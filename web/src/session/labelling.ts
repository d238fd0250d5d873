import { get, type Readable, writable } from "svelte/store";
import { api, type LabelResult, type State } from "../api/client";
import type { LabelColumn } from "../api/columns";
import { type LabelView, NO_LABELS, overlay, takenBack } from "../labels/labels";
import { type Lock, Outbox, type OutboxState, type Snapshot } from "../labels/outbox";
import { MOST_IDS, Selection } from "../labels/selection";
import { type Entry, openStorage, requestId } from "../labels/storage";
import { number, plural } from "../ui/format";
import type { Saying } from "./saying";
import type { Selecting } from "./selecting";

/** What a label was given with, where not right out of a lasso. */
export type How = "key" | "click";

const NONE: readonly Entry[] = [];

/** The labels on show, and everything that changes them: each gesture goes into the outbox and is shown at once. */
export class Labelling {
  readonly outbox = writable<OutboxState>({ pending: 0, trouble: "none", loose: 0 });
  readonly labels = writable<LabelView>(NO_LABELS);

  private sender: Outbox | null = null;
  private column: LabelColumn = { classes: new Int32Array(0), seq: -1 };
  /** What the labels on show were made of. */
  private shownFrom: { column: LabelColumn; classes: string; waiting: readonly Entry[] } | null = null;

  /** `refresh` asks the server for the state now. */
  constructor(
    private readonly state: Readable<State | null>,
    private readonly selecting: Selecting,
    private readonly saying: Saying,
    private readonly refresh: () => Promise<void>,
  ) {}

  /** Whether every gesture would survive the end of this tab. */
  get safe(): boolean {
    return this.sender?.safe !== false;
  }

  // Gestures

  /** Give the selection a class, or none; a name the server does not know makes the class. */
  label(className: string | null, how: How): void {
    const selection = get(this.selecting.selection);
    if (selection.isEmpty)
      return this.saying.say("Nothing is selected: draw a lasso around some items first.", "problem");
    const wire = selection.wire();
    if (!wire)
      return this.saying.say(
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
    this.saying.say(className === null ? `Took the labels of ${what} away` : `Labelled ${what} “${className}”`, "done", true);
    this.selecting.select(Selection.EMPTY);
  }

  /** Make labels of a round's predictions, as one gesture of `count` items. */
  accept(what: { round_id: number; selection: object | null; class_id: number | null; at_least: number }, count: number): void {
    const id = requestId();
    if (!this.send({ requestId: id, path: "/api/accept", body: { request_id: id, ...what }, ids: [], className: null })) return;
    this.saying.say(`Accepted ${plural(count, "prediction")}`, "done", true);
  }

  /** Label with the class that has this digit. */
  labelByKey(digit: number): void {
    const found = get(this.labels).classes.find((candidate) => candidate.key === digit);
    if (found) this.label(found.name, "key");
    else this.saying.say(`No class has the key ${digit} yet: press Enter and type a name.`, "problem");
  }

  /** A typed name: it labels the selection, or makes an empty class where nothing is selected. */
  nameClass(typed: string): void {
    const name = typed.trim();
    if (!name) return;
    if (!get(this.selecting.selection).isEmpty) return this.label(name, "key");
    if (get(this.labels).classes.some((known) => known.name === name))
      return this.saying.say(`There is a class “${name}” already.`, "problem");
    const id = requestId();
    const body = { request_id: id, name };
    if (!this.send({ requestId: id, path: "/api/classes", body, ids: [], className: name })) return;
    const before = get(this.state)?.undo || get(this.outbox).pending > 1;
    this.saying.say(`Made the empty class “${name}”.${before ? " Undo takes back the gesture before it." : ""}`, "done");
  }

  /** Select the items of a class. */
  selectClass(id: number): void {
    const { classOf } = get(this.labels);
    this.selecting.selectWhere((item) => classOf(item) === id);
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
    if (waiting.length === 0 && state && !state[way]) return this.saying.say(`There is nothing to ${way}.`, "problem");
    const before = takenBack(waiting);
    const id = requestId();
    if (!this.send({ requestId: id, path: `/api/${way}`, body: { request_id: id }, ids: [], className: null })) return;
    const after = takenBack(this.sender?.waiting ?? []);
    const [more, less] = way === "undo" ? [after, before] : [before, after];
    const turned = [...more].find((entry) => !less.has(entry));
    // What the server has already, only the server can turn.
    if (turned) this.saying.say(turnedText(way, turned.className, turned.ids.length), "done");
    else this.saying.say(`${way === "undo" ? "Undo" : "Redo"} waits for the server.`, "done");
  }

  /** Hand a gesture to the outbox; false, and said so, where there is none yet. */
  private send(gesture: Omit<Entry, "order" | "workspace">): boolean {
    if (!this.sender) this.saying.say("The server has not answered yet: try again in a moment.", "problem");
    else void this.sender.add(gesture);
    return this.sender !== null;
  }

  // Following the server

  /** Open the outbox of the workspace, once it is known. */
  async open(workspace: string): Promise<void> {
    this.sender ??= await Outbox.open(
      await openStorage(),
      workspace,
      (path, body) => api.gesture(path, body),
      {
        changed: (state) => {
          this.outbox.set(state);
          this.show();
        },
        confirmed: (entry, result) => this.confirmed(entry, result),
        refused: (entry, reason) => this.refused(entry, reason),
      },
      lockFor(workspace),
    );
    this.sender.nudge();
  }

  /** What all tabs have left in storage; to be read before the labels are asked for. */
  async look(): Promise<Snapshot | null> {
    return (await this.sender?.look()) ?? null;
  }

  /** Fetch the labels up to this event. */
  async fetch(seq: number): Promise<void> {
    if (seq !== this.column.seq) this.column = await api.labels();
  }

  /** Show the server's labels, and what of the outbox is not in them: `seen` was read before them. */
  follow(seen: Snapshot | null): void {
    this.sender?.follow(seen);
    this.show();
  }

  /** The server has a gesture: wait until the page has the labels that hold it. */
  private async confirmed(entry: Entry, result: LabelResult): Promise<void> {
    for (let attempt = 0; attempt < 5 && this.column.seq < result.label_seq; attempt += 1) await this.refresh();
    if (entry.path !== "/api/undo" && entry.path !== "/api/redo") return;
    const way = entry.path === "/api/undo" ? "undo" : "redo";
    const state = get(this.state);
    const name = state?.classes.find((known) => known.id === result.class_id)?.name ?? null;
    const kind = state?.[way === "undo" ? "redo" : "undo"]?.kind;
    if (name === null && kind === "label") this.saying.say(turnedText(way, "several classes", result.count), "done"); // an import
    else this.saying.say(turnedText(way, name, result.count), "done");
  }

  private refused(entry: Entry, reason: string): void {
    const what = entry.className ? `“${entry.className}”` : "That";
    this.saying.say(`${what} was not saved: ${reason}`, "problem");
    void this.refresh();
  }

  private show(): void {
    const known = get(this.state)?.classes ?? [];
    const from = { column: this.column, classes: JSON.stringify(known), waiting: this.sender?.waiting ?? NONE };
    const last = this.shownFrom;
    if (last && last.column === from.column && last.classes === from.classes && last.waiting === from.waiting) return;
    this.shownFrom = from;
    this.labels.set(overlay(from.column, known, from.waiting));
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
