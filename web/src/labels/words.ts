import type { ClassChange, Gesture } from "../api/client";
import { plural } from "../ui/format";
import type { ClassView, LabelView } from "./labels";

/** What a gesture did, in few words: for the history, and for undo and redo. */
export function gestureText(gesture: Gesture): string {
  const { kind, detail, class_name: name, count } = gesture;
  const what = plural(count, "item");
  switch (kind) {
    case "label":
      return name === null ? `${what} labelled, several classes` : `“${name}” on ${what}`;
    case "clear":
      return `labels taken away from ${what}`;
    case "none":
      return `${what}: none of these`;
    case "skip":
      return `${what} put aside`;
    case "reject":
      return name === null ? `${what}: not what was predicted` : `${what}: not “${name}”`;
    case "class":
      return `class “${name}” made`;
    case "rename":
      return `“${detail["before"]}” renamed “${detail["name"]}”`;
    case "merge":
      return `“${detail["name"]}” merged into “${detail["into_name"]}”`;
    case "delete":
      return `class “${detail["name"]}” deleted, ${what}`;
    case "colour":
      return `“${name}” got ${detail["colour"] ? "another colour" : "its own colour back"}`;
    case "key":
      return detail["key"] ? `“${name}” got the key ${detail["key"]}` : `“${name}” lost its key`;
    default:
      return `${TURNS[kind]}: ${KINDS[String(detail["kind"])] ?? "a gesture"}${name === null ? "" : ` “${name}”`}${count === 0 ? "" : `, ${what}`}`;
  }
}

const TURNS = { undo: "undone", redo: "done again", revert: "reverted" } as const;
const KINDS: Record<string, string> = {
  label: "label",
  clear: "labels taken away",
  none: "none of these",
  skip: "put aside",
  reject: "rejected",
  rename: "renamed",
  merge: "merged",
  delete: "deleted",
  colour: "colour",
  key: "key",
  revert: "a revert",
};

/** Say that a gesture was undone or done again. Of a revert that is what the reverted one did. */
export function turnText(way: "undo" | "redo", gesture: Gesture): string {
  if (gesture.kind !== "revert") return `${TURNED[way]}: ${gestureText(gesture)}`;
  const kind = String(gesture.detail["kind"]);
  // The revert tells of items and class; what else a change of a class said stands in that gesture only.
  const whole = WHOLE.has(kind) ? gestureText({ ...gesture, kind: kind as Gesture["kind"] }) : gestureText(gesture).replace(`${TURNS.revert}: `, "");
  if (way === "redo") return `Reverted again: ${whole}`;
  return `${kind === "label" ? "Labelled" : "Done"} again: ${whole}`;
}

export const TURNED = { undo: "Undone", redo: "Done again" } as const;
const WHOLE: ReadonlySet<string> = new Set(["label", "clear", "none", "skip", "reject"]);

/** What a new name lies beside that reads the same but for case and spaces, as a clause; empty: nothing. `own` is the
 * class that gets the name. */
export function beside(name: string, classes: readonly ClassView[], own = -1): string {
  const others = classes.filter(({ id }) => id !== own);
  const twin = others.find((one) => one.name !== name && folded(one.name) === folded(name));
  return twin && others.every((one) => one.name !== name) ? `, beside “${twin.name}”` : "";
}

const folded = (name: string): string => name.normalize("NFKC").toLowerCase().replace(/\s+/gu, "");

const HOW: Record<string, string> = {
  lasso: "lasso",
  box: "box",
  brush: "brush",
  all: "everything",
  key: "key",
  click: "click",
  import: "import",
  python: "Python",
  history: "history",
};

/** Who made a gesture, when and how; of a round's predictions, which round's. */
export function originText({ user, time, how, kind, round_id: round }: Gesture, now: number): string {
  const when = ago(time, now);
  if (round !== null) return `${kind === "reject" ? "rejected" : "accepted"} from round ${round} by ${user} · ${when}`;
  return [user, when, HOW[how]].filter(Boolean).join(" · ");
}

/** What is no gesture of its own: it cannot be reverted. */
const NO_GESTURES: ReadonlySet<string> = new Set(["undo", "redo", "class"]);

/** Whether a line of the history can be taken back. */
export function isRevertible(gesture: Gesture): boolean {
  return gesture.active && !NO_GESTURES.has(gesture.kind);
}

/** What a change of a class is about to do. */
export function changeText(one: ClassView, change: ClassChange["change"], labels: LabelView): string {
  switch (change.kind) {
    case "rename":
      return `“${one.name}” is now “${change.name}”${beside(change.name, labels.classes, one.id)}`;
    case "merge":
      return `Merged “${one.name}” into “${labels.classes.find(({ id }) => id === change.into)?.name ?? ""}”`;
    case "delete":
      return `Deleted “${one.name}”: ${plural(one.count, "item")} without a label`;
    case "colour":
      return `“${one.name}” has ${change.colour ? "another colour" : "its own colour again"}`;
    case "key":
      return change.key === null ? `“${one.name}” has no key` : `“${one.name}” has the key ${change.key}`;
  }
}

/** When that was, as one says it: roughly, by this browser's clock. */
export function ago(time: number, now: number): string {
  const seconds = Math.max(0, now - time);
  if (seconds < 45) return "just now";
  if (seconds < 90 * 60) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  const date = new Date(time * 1000);
  const clock = date.toLocaleTimeString("en", { hour: "2-digit", minute: "2-digit", hour12: false });
  if (seconds < 20 * 3600) return clock;
  return `${date.toLocaleDateString("en", { day: "numeric", month: "short" })}, ${clock}`;
}
