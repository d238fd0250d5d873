import type { PredictionColumns } from "../api/columns";
import { UNLABELLED } from "../labels/labels";

type Guesses = Pick<PredictionColumns, "classes" | "confidence">;

/** One class's predictions that could be accepted now. */
export interface Offer {
  classId: number;
  /** How many are at least as sure as the threshold. */
  sure: number;
  /** How many there are in all. */
  all: number;
}

export interface Offers {
  byClass: Offer[];
  sure: number;
  all: number;
  /** How many of the unlabelled are predicted to be none of the classes. */
  none: number;
}

/** Count what could be accepted: predictions of unlabelled items among `ids`, at least `threshold` sure. */
export function offers(
  predictions: Guesses,
  ids: Uint32Array,
  classOf: (id: number) => number,
  threshold: number,
): Offers {
  const sure = new Map<number, number>();
  const all = new Map<number, number>();
  let none = 0;
  for (const id of ids) {
    const guess = predictions.classes[id];
    if (guess === undefined || classOf(id) !== UNLABELLED) continue;
    if (guess < 0) {
      // without any confidence it is no answer: its class is deleted, or it was rejected
      if (predictions.confidence[id]! > 0) none += 1;
      continue;
    }
    all.set(guess, (all.get(guess) ?? 0) + 1);
    if (predictions.confidence[id]! >= threshold) sure.set(guess, (sure.get(guess) ?? 0) + 1);
  }
  const byClass = [...all].map(([classId, count]) => ({ classId, sure: sure.get(classId) ?? 0, all: count }));
  byClass.sort((a, b) => b.sure - a.sure || b.all - a.all || a.classId - b.classId);
  const sum = (counts: Map<number, number>): number => [...counts.values()].reduce((total, count) => total + count, 0);
  return { byClass, sure: sum(sure), all: sum(all), none };
}

/** The items whose prediction is of this class (null: of any) and at least so sure, and that have neither a label
 * nor another answer. */
export function sureItems(
  predictions: Guesses,
  ids: Uint32Array,
  classOf: (id: number) => number,
  threshold: number,
  classId: number | null,
): Uint32Array {
  return ids.filter((id) => {
    const guess = predictions.classes[id] ?? -1;
    const wanted = classId === null ? guess >= 0 : guess === classId;
    return wanted && predictions.confidence[id]! >= threshold && classOf(id) === UNLABELLED;
  });
}

/** Where the threshold begins: the first of these at which there is something to accept. What is less sure is hers
 * to ask for: measured, most of it is wrong. */
export const THRESHOLDS = [0.95, 0.9, 0.8] as const;
const SOME = 10;

/** The highest of `THRESHOLDS` at which ten unlabelled items or more have a prediction so sure; else the first. */
export function firstThreshold(predictions: Guesses, classOf: (id: number) => number): number {
  const counts = THRESHOLDS.map(() => 0);
  for (let id = 0; id < predictions.classes.length; id++) {
    if ((predictions.classes[id] ?? -1) < 0 || classOf(id) !== UNLABELLED) continue;
    const place = THRESHOLDS.findIndex((threshold) => predictions.confidence[id]! >= threshold);
    if (place >= 0) counts[place]! += 1;
  }
  let sure = 0;
  for (const [place, threshold] of THRESHOLDS.entries()) {
    sure += counts[place]!;
    if (sure >= SOME) return threshold;
  }
  return THRESHOLDS[0];
}
