import type { ClassInfo } from "../api/client";
import type { LabelColumn } from "../api/columns";
import type { Entry } from "./storage";

/** One class as the page shows it: with what is not confirmed yet. */
export interface ClassView {
  id: number;
  name: string;
  /** Its digit 1-9, if it has one. */
  key: number | null;
  count: number;
  /** Whether the server has not confirmed that it exists. */
  provisional: boolean;
}

/** The labels as the page shows them: what the server said, and on top what it has not confirmed. */
export interface LabelView {
  classes: ClassView[];
  /** The class id by item id, or -1; items beyond its end have none. Not to be changed. */
  column: Int32Array;
  /** The class id of an item, or -1. */
  classOf: (id: number) => number;
  labelled: number;
  /** The label event that the server's part is from. */
  seq: number;
}

const KEYS = 9;

export const NO_LABELS: LabelView = {
  classes: [],
  column: new Int32Array(0),
  classOf: () => -1,
  labelled: 0,
  seq: -1,
};

/** Lay the unconfirmed gestures over the server's labels. */
export function overlay(column: LabelColumn, known: readonly ClassInfo[], waiting: readonly Entry[]): LabelView {
  const classes: ClassView[] = known.map((info) => ({ ...info, provisional: false }));
  let shown = column.classes;
  const classOf = (id: number): number => shown[id] ?? -1;
  const gone = takenBack(waiting);
  for (const entry of waiting) {
    if (entry.path !== "/api/labels" && entry.path !== "/api/classes") continue;
    // What is taken back has made its class all the same.
    const to = entry.className === null ? -1 : find(classes, entry.className).id;
    if (gone.has(entry) || entry.ids.length === 0) continue;
    if (shown === column.classes) shown = column.classes.slice();
    shown = relabel(shown, entry.ids, to, classes);
  }
  const labelled = classes.reduce((sum, { count: n }) => sum + n, 0);
  return { classes, column: shown, classOf, labelled, seq: column.seq };
}

/** Give the items a class (-1: none) in the column, made longer where they ask for it, and count them over. */
function relabel(column: Int32Array, ids: readonly number[], to: number, classes: readonly ClassView[]): Int32Array {
  const largest = ids.reduce((most, id) => Math.max(most, id), -1);
  let into = column;
  if (largest >= column.length) {
    into = new Int32Array(largest + 1).fill(-1);
    into.set(column);
  }
  const moved = new Map<number, number>();
  for (const id of ids) {
    moved.set(into[id]!, (moved.get(into[id]!) ?? 0) + 1);
    into[id] = to;
  }
  for (const [from, n] of moved) count(classes, from, -n);
  count(classes, to, ids.length);
  return into;
}

/** The waiting labels that a waiting undo takes back, and no waiting redo gives back. A class is not undone. */
export function takenBack(waiting: readonly Entry[]): Set<Entry> {
  // null stands for a gesture that the server already has: what became of that only it can say.
  const done: (Entry | null)[] = [];
  const undone: (Entry | null)[] = [];
  const gone = new Set<Entry>();
  for (const entry of waiting) {
    if (entry.path === "/api/undo") {
      const last = done.pop() ?? null;
      undone.push(last);
      if (last) gone.add(last);
    } else if (entry.path === "/api/redo" && undone.length > 0) {
      const again = undone.pop() ?? null;
      done.push(again);
      if (again) gone.delete(again);
    } else if (entry.path === "/api/labels" || entry.path === "/api/accept") {
      done.push(entry);
      undone.length = 0;
    }
  }
  return gone;
}

/** The class of this name; one that the server does not know gets the id and the key it will have there. */
function find(classes: ClassView[], name: string): ClassView {
  const known = classes.find((candidate) => candidate.name === name);
  if (known) return known;
  const place = classes.length + 1;
  const id = classes.reduce((most, candidate) => Math.max(most, candidate.id), -1) + 1;
  const made = { id, name, key: place <= KEYS ? place : null, count: 0, provisional: true };
  classes.push(made);
  return made;
}

function count(classes: readonly ClassView[], id: number, by: number): void {
  const found = classes.find((candidate) => candidate.id === id);
  if (found) found.count += by;
}
