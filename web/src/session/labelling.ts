import { get, type Readable, writable } from "svelte/store";
import { api, type ClassChange, type LabelResult, type State } from "../api/client";
import { type LabelColumn, patched } from "../api/columns";
import { type LabelView, NO_LABELS, overlay, takenBack } from "../labels/labels";
import { type Lock, Outbox, type OutboxState, type Snapshot } from "../labels/outbox";
import { Selection } from "../labels/selection";
import { beside, changeText, TURNED, turnText } from "../labels/words";
import { type Entry, openStorage, requestId } from "../labels/storage";
import { plural } from "../ui/format";
import type { Say, Saying } from "./saying";
import type { Selecting } from "./selecting";

/** What a label was given with, where not right out of a lasso, box or brush. */
export type How = "key" | "click";

const NONE: readonly Entry[] = [];
const NO_IDS = new Uint32Array(0);

/** The labels on show, and everything that changes them: each gesture goes into the outbox and is shown at once. */
export class Labelling {
  readonly outbox = writable<OutboxState>({ pending: 0, trouble: "none", loose: 0 });
  readonly labels = writable<LabelView>(NO_LABELS);

  private sender: Outbox | null = null;
  /** What says how a gesture of this page goes, by its request id, until the server has answered. */
  private readonly says = new Map<string, Say>();
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
    this.give({ className }, how, (what) =>
      className === null ? `Took the labels of ${what} away` : `Labelled ${what} “${className}”${this.beside(className)}`,
    );
  }

  /** Say of the selection that it belongs to none of the classes, or put it aside. */
  answer(answer: "none" | "skip", how: How): void {
    this.give({ className: null, answer }, how, (what) =>
      answer === "none" ? `${what} belong to none of these` : `Put ${what} aside`,
    );
  }

  private give(given: Pick<Entry, "className" | "answer">, how: How, said: (what: string) => string): void {
    const selection = get(this.selecting.selection);
    if (selection.isEmpty)
      return this.saying.say("Nothing is selected: draw a lasso around some items first.", "problem");
    const { className, answer } = given;
    const known = get(this.labels).classes.find((one) => one.name === className && !one.provisional)?.id;
    const text = said(plural(selection.count, "item"));
    const id = requestId();
    const body = {
      request_id: id,
      selection: selection.wire(),
      class_name: className,
      ...(answer && { answer }),
      how: selection.origin.tool ?? how,
    };
    if (!this.send({ requestId: id, path: "/api/labels", body, ids: selection.ids().slice(), known, ...given })) return;
    this.tell(id)(text, "done", id);
    this.selecting.select(Selection.EMPTY);
  }

  /** Rename, merge, delete or recolour a class, or give it another digit. */
  change(classId: number, change: ClassChange["change"]): void {
    const one = get(this.labels).classes.find(({ id }) => id === classId);
    if (!one) return;
    if (one.provisional) return this.saying.say(`“${one.name}” is still being saved: try again in a moment.`, "problem");
    const id = requestId();
    const body = { request_id: id, class_id: classId, change };
    const said = changeText(one, change, get(this.labels));
    if (!this.send({ requestId: id, path: "/api/classes/change", body, ids: NO_IDS, className: null })) return;
    this.tell(id)(said, "done", id);
  }

  /** Take back one gesture of the history. */
  revert(seq: number): void {
    const id = requestId();
    if (!this.send({ requestId: id, path: "/api/revert", body: { request_id: id, seq }, ids: NO_IDS, className: null })) return;
    this.tell(id)("Reverting that gesture…", "done", id);
  }

  /** Make labels of a round's predictions, as one gesture of `count` items. */
  accept(what: { round_id: number; selection: object | null; class_id: number | null; at_least: number }, count: number): void {
    this.decide("/api/accept", what, `Accepted ${plural(count, "prediction")}`);
  }

  /** Say that a round's predictions are wrong for `count` items, as one gesture. */
  reject(what: { round_id: number; selection: object; class_id: number | null }, count: number): void {
    this.decide("/api/reject", what, `Rejected ${plural(count, "prediction")}`);
  }

  /** What becomes of predictions is not shown before the server has it: the same is not said twice meanwhile. */
  private decide(path: "/api/accept" | "/api/reject", what: object, said: string): void {
    const id = requestId();
    const saying = (body: object): string => JSON.stringify({ ...body, request_id: "" });
    const body = { request_id: id, ...what };
    const waits = (this.sender?.waiting ?? NONE).some((entry) => entry.path === path && saying(entry.body) === saying(body));
    if (waits) return this.saying.say("That is still being saved.", "done");
    if (this.send({ requestId: id, path, body, ids: NO_IDS, className: null })) this.tell(id)(said, "done", id);
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
    const twin = this.beside(name);
    if (!this.send({ requestId: id, path: "/api/classes", body, ids: NO_IDS, className: name })) return;
    const before = get(this.state)?.undo || get(this.outbox).pending > 1;
    this.tell(id)(`Made the empty class “${name}”${twin}.${before ? " Undo takes back the gesture before it." : ""}`, "done");
  }

  /** Make a new class of the selection; return why not, where there cannot be one. */
  splitOff(typed: string): string | null {
    const name = typed.trim();
    if (!name) return "The new class needs a name.";
    if (get(this.labels).classes.some((known) => known.name === name))
      return `There is a class “${name}” already: choose another name.`;
    this.give({ className: name }, "key", (what) => `Split ${what} off as “${name}”${this.beside(name)}`);
    return null;
  }

  /** Which class reads as a name that is none yet. */
  private beside(name: string): string {
    return beside(name, get(this.labels).classes);
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

  /** Take back this gesture, whatever has come after it: the notice that tells of it may outlive the latest one's. */
  takeBack(gesture: string): void {
    this.turn("undo", { gesture });
  }

  private turn(way: "undo" | "redo", named: { gesture?: string } = {}): void {
    const state = get(this.state);
    const waiting = this.sender?.waiting ?? [];
    if (!named.gesture && waiting.length === 0 && state && !state[way]) return this.saying.say(`There is nothing to ${way}.`, "problem");
    const before = takenBack(waiting);
    const id = requestId();
    const body = { request_id: id, ...named };
    if (!this.send({ requestId: id, path: `/api/${way}`, body, ids: NO_IDS, className: null })) return;
    const after = takenBack(this.sender?.waiting ?? []);
    const [more, less] = way === "undo" ? [after, before] : [before, after];
    const turned = [...more].find((entry) => !less.has(entry));
    // What the server has already, only the server can turn.
    if (turned) this.tell(id)(`${TURNED[way]}: ${entryText(turned)}`, "done");
    else this.tell(id)(`${way === "undo" ? "Undo" : "Redo"} waits for the server.`, "done");
  }

  /** Hand a gesture to the outbox; false, and said so, where there is none yet. */
  private send(gesture: Omit<Entry, "order" | "workspace">): boolean {
    if (!this.sender) this.saying.say("The server has not answered yet: try again in a moment.", "problem");
    else {
      this.says.set(gesture.requestId, this.saying.begin());
      void this.sender.add(gesture);
    }
    return this.sender !== null;
  }

  /** What says how a gesture goes; what comes from another tab or visit is told where nothing else is. */
  private tell(request: string): Say {
    return this.says.get(request) ?? this.saying.late;
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

  /** Fetch the labels up to this event: what has changed, where that is known. */
  async fetch(seq: number): Promise<void> {
    if (seq === this.column.seq) return;
    if (this.column.seq < 0 || seq < this.column.seq) this.column = await api.labels();
    else this.column = patched(this.column, await api.labelsSince(this.column.seq));
  }

  /** Show the server's labels, and what of the outbox is not in them: `seen` was read before them. */
  follow(seen: Snapshot | null): void {
    for (const request of this.sender?.follow(seen) ?? []) this.says.delete(request);
    this.show();
  }

  /** The server has a gesture: wait until the page has the labels that hold it. */
  private async confirmed(entry: Entry, result: LabelResult): Promise<void> {
    const tell = this.tell(entry.requestId);
    this.says.delete(entry.requestId);
    for (let attempt = 0; attempt < 5 && this.column.seq < result.label_seq; attempt += 1) await this.refresh();
    if (entry.known !== undefined && result.class_id !== null && result.class_id !== entry.known)
      tell(`Labelled ${plural(result.count, "item")} “${entry.className}”, made anew: that class was deleted or renamed meanwhile`, "problem", entry.requestId);
    if (entry.path === "/api/revert") tell(`Reverted: ${plural(result.count, "item")}`, "done", entry.requestId);
    if (entry.path !== "/api/undo" && entry.path !== "/api/redo") return;
    const way = entry.path === "/api/undo" ? "undo" : "redo";
    const turned = get(this.state)?.[way === "undo" ? "redo" : "undo"];
    tell(turned ? turnText(way, turned) : `${TURNED[way]}: ${plural(result.count, "item")}`, "done");
  }

  private refused(entry: Entry, reason: string): void {
    const what = entry.className ? `“${entry.className}”` : "That";
    this.tell(entry.requestId)(`${what} was not saved: ${reason}`, "problem");
    this.says.delete(entry.requestId);
    void this.refresh();
  }

  private show(): void {
    const known = get(this.state)?.classes ?? [];
    const from = { column: this.column, classes: JSON.stringify(known), waiting: this.sender?.waiting ?? NONE };
    const last = this.shownFrom;
    if (last && last.column === from.column && last.classes === from.classes && last.waiting === from.waiting) return;
    this.shownFrom = from;
    const state = get(this.state);
    const answers = { none: state?.none_of_these ?? 0, aside: state?.put_aside ?? 0 };
    this.labels.set(overlay(from.column, known, from.waiting, answers, state?.next_class));
  }
}

/** What a waiting gesture does, in few words. */
function entryText(entry: Entry): string {
  const what = plural(entry.ids.length, "item");
  if (entry.path !== "/api/labels") return "the last change";
  if (entry.answer) return `${entry.answer === "none" ? "none of these" : "put aside"}, ${what}`;
  return entry.className === null ? `labels taken away from ${what}` : `“${entry.className}” on ${what}`;
}

/** One sender per workspace, whatever the number of tabs; on plain http browsers have no locks, and request ids
 * must do. */
function lockFor(workspace: string): Lock {
  return async (work) => (navigator.locks ? navigator.locks.request(`shoal-outbox/${workspace}`, work) : work());
}
