import type { ClassChange, ClassInfo } from "../api/client";
import type { LabelColumn } from "../api/columns";
import { classColour, parse, type Rgb } from "../map/palette";
import type { Entry } from "./storage";

/** No label and no answer. */
export const UNLABELLED = -1;
/** The labels that are no class: belongs to none of them, and put aside. */
export const NONE_OF_THESE = -2;
export const PUT_ASIDE = -3;

/** One class as the page shows it: with what is not confirmed yet. */
export interface ClassView {
  id: number;
  name: string;
  /** Its digit 1-9, if it has one. */
  key: number | null;
  count: number;
  /** #rrggbb where somebody chose a colour. */
  colour: string | null;
  /** Whether the server has not confirmed that it exists. */
  provisional: boolean;
}

/** How many items are none of the classes, and how many are put aside. */
export interface AnswerCounts {
  none: number;
  aside: number;
}

/** The labels as the page shows them: what the server said, and on top what it has not confirmed. */
export interface LabelView {
  classes: ClassView[];
  /** The class id by item id, -1 or another answer; items beyond its end have none. Not to be changed. */
  column: Int32Array;
  /** The class id of an item, -1 or another answer. */
  classOf: (id: number) => number;
  colourOf: (classId: number) => Rgb;
  labelled: number;
  answers: AnswerCounts;
  /** The label event that the server's part is from. */
  seq: number;
}

const KEYS = 9;

export const NO_LABELS: LabelView = {
  classes: [],
  column: new Int32Array(0),
  classOf: () => -1,
  colourOf: classColour,
  labelled: 0,
  answers: { none: 0, aside: 0 },
  seq: -1,
};

/** Lay the unconfirmed gestures over the server's labels; `nextClass` is the id of the server's next new class. */
export function overlay(
  column: LabelColumn,
  known: readonly ClassInfo[],
  waiting: readonly Entry[],
  answers: AnswerCounts = NO_LABELS.answers,
  nextClass = 0,
): LabelView {
  const view = new Overlay(column, known, answers, nextClass);
  const gone = takenBack(waiting);
  for (const entry of waiting) {
    // What is taken back shows no class, but the server gives that class its number all the same.
    if (entry.className !== null) view.find(entry.className, !gone.has(entry));
    if (!gone.has(entry)) view.apply(entry);
  }
  return view.done();
}

/** The server's labels while waiting gestures are laid over them. */
class Overlay {
  private classes: ClassView[];
  private shown: Int32Array;
  private readonly answers: AnswerCounts;
  /** The numbers of classes that the server does not know yet, by their names. */
  private readonly fresh = new Map<string, number>();

  constructor(
    private readonly column: LabelColumn,
    known: readonly ClassInfo[],
    answers: AnswerCounts,
    private readonly nextClass: number,
  ) {
    this.classes = known.map((info) => ({ ...info, provisional: false }));
    this.shown = column.classes;
    this.answers = { ...answers };
  }

  /** The class of this name; one that the server does not know gets the id and the key it will have there. */
  find(name: string, shown = true): ClassView | undefined {
    const known = this.classes.find((candidate) => candidate.name === name);
    if (known) return known;
    const ids = [...this.classes.map((candidate) => candidate.id), ...this.fresh.values()];
    const id = this.fresh.get(name) ?? ids.reduce((next, other) => Math.max(next, other + 1), this.nextClass);
    this.fresh.set(name, id);
    if (!shown) return undefined;
    const taken = new Set(this.classes.map(({ key }) => key));
    const free = Array.from({ length: KEYS }, (_, i) => i + 1).filter((key) => !taken.has(key));
    const key = free.includes(id + 1) ? id + 1 : (free[0] ?? null);
    const made = { id, name, key, count: 0, colour: null, provisional: true };
    this.classes.push(made);
    return made;
  }

  apply(entry: Entry): void {
    if (entry.path === "/api/labels") this.relabel(entry.ids, this.meant(entry));
    if (entry.path === "/api/classes/change") this.change(entry.body as ClassChange);
  }

  done(): LabelView {
    const { shown, classes, answers, column } = this;
    const chosen = new Map(classes.flatMap(({ id, colour }) => (colour ? [[id, parse(colour)] as const] : [])));
    return {
      classes,
      column: shown,
      classOf: (id) => shown[id] ?? -1,
      colourOf: (id) => chosen.get(id) ?? classColour(id),
      labelled: classes.reduce((sum, { count }) => sum + count, 0),
      answers,
      seq: column.seq,
    };
  }

  private meant(entry: Entry): number {
    if (entry.answer) return entry.answer === "none" ? NONE_OF_THESE : PUT_ASIDE;
    return entry.className === null ? -1 : this.find(entry.className)!.id;
  }

  /** Give the items a class or an answer in the column, made longer where they ask for it, and count them over. */
  private relabel(ids: Uint32Array, to: number): void {
    if (ids.length === 0) return;
    let largest = -1;
    for (let i = 0; i < ids.length; i += 1) if (ids[i]! > largest) largest = ids[i]!;
    const column = this.own(largest + 1);
    const least = PUT_ASIDE;
    const moved = new Map<number, number>();
    const few = new Uint32Array(64); // how many were of each of the first classes and answers: those are the most
    for (let i = 0; i < ids.length; i += 1) {
      const from = column[ids[i]!]!;
      if (from - least < few.length) few[from - least]! += 1;
      else moved.set(from, (moved.get(from) ?? 0) + 1);
      column[ids[i]!] = to;
    }
    few.forEach((n, place) => n > 0 && moved.set(place + least, n));
    for (const [from, n] of moved) this.count(from, -n);
    this.count(to, ids.length);
  }

  private change({ class_id: id, change }: ClassChange): void {
    const one = this.classes.find((candidate) => candidate.id === id);
    if (!one) return;
    if (change.kind === "rename") one.name = change.name;
    if (change.kind === "colour") one.colour = change.colour;
    if (change.kind === "key") {
      for (const other of this.classes) if (other.key === change.key) other.key = null;
      one.key = change.key;
    }
    if (change.kind !== "merge" && change.kind !== "delete") return;
    const into = change.kind === "merge" ? change.into : -1;
    this.count(into, one.count);
    this.classes = this.classes.filter((other) => other !== one);
    const column = this.own(0);
    for (let item = 0; item < column.length; item += 1) if (column[item] === id) column[item] = into;
  }

  /** The column to write into: never the server's. */
  private own(length: number): Int32Array {
    if (this.shown === this.column.classes || this.shown.length < length) {
      const larger = new Int32Array(Math.max(length, this.shown.length)).fill(-1, this.shown.length);
      larger.set(this.shown);
      this.shown = larger;
    }
    return this.shown;
  }

  private count(id: number, by: number): void {
    if (id === NONE_OF_THESE) this.answers.none += by;
    if (id === PUT_ASIDE) this.answers.aside += by;
    const found = this.classes.find((candidate) => candidate.id === id);
    if (found) found.count += by;
  }
}

const GESTURES: ReadonlySet<Entry["path"]> = new Set<Entry["path"]>([
  "/api/labels",
  "/api/accept",
  "/api/reject",
  "/api/classes/change",
  "/api/revert",
]);

/** What an undo says: which gesture it takes back, where that is not the latest. */
interface Undo {
  gesture?: string;
}

/** Take the latest gesture off the stack, or the one that is named; null where the server has it already. */
function popped(done: (Entry | null)[], named: string | undefined): Entry | null {
  if (named === undefined) return done.pop() ?? null;
  const place = done.findIndex((entry) => entry?.requestId === named);
  return place < 0 ? null : done.splice(place, 1)[0]!;
}

/** The waiting gestures that a waiting undo takes back, and no waiting redo gives back. Making a class is none. */
export function takenBack(waiting: readonly Entry[]): Set<Entry> {
  // null stands for a gesture that the server already has: what became of that only it can say.
  const done: (Entry | null)[] = [];
  const undone: (Entry | null)[] = [];
  const gone = new Set<Entry>();
  for (const entry of waiting) {
    if (entry.path === "/api/undo") {
      const last = popped(done, (entry.body as Undo).gesture);
      undone.push(last);
      if (last) gone.add(last);
    } else if (entry.path === "/api/redo" && undone.length > 0) {
      const again = undone.pop() ?? null;
      done.push(again);
      if (again) gone.delete(again);
    } else if (GESTURES.has(entry.path)) {
      done.push(entry);
      undone.length = 0;
    }
  }
  return gone;
}
