/** How labels and held-out predictions meet: rows are labels, columns predictions. */
export interface Confusion {
  /** The classes that occur as a label or a prediction, in the order of their ids. */
  classes: number[];
  /** How many items, row by row. */
  cells: Uint32Array;
  /** How many items have both. */
  total: number;
  agreed: number;
}

/** Count the items that have a label and a prediction. */
export function confusion(ids: Uint32Array, labelOf: (id: number) => number, predictionOf: (id: number) => number): Confusion {
  const pairs = new Map<number, Map<number, number>>();
  const known = new Set<number>();
  let total = 0;
  for (const id of ids) {
    const [label, prediction] = [labelOf(id), predictionOf(id)];
    if (label < 0 || prediction < 0) continue;
    const row = pairs.get(label) ?? new Map<number, number>();
    pairs.set(label, row.set(prediction, (row.get(prediction) ?? 0) + 1));
    known.add(label).add(prediction);
    total += 1;
  }
  const classes = [...known].sort((a, b) => a - b);
  const cells = new Uint32Array(classes.length ** 2);
  classes.forEach((label, row) => classes.forEach((prediction, column) => (cells[row * classes.length + column] = pairs.get(label)?.get(prediction) ?? 0)));
  const agreed = classes.reduce((sum, _, place) => sum + cells[place * (classes.length + 1)]!, 0);
  return { classes, cells, total, agreed };
}

/** Items of one class that were taken for another. */
export interface Mistake {
  label: number;
  prediction: number;
  count: number;
  /** Of all with this label. */
  share: number;
}

/** The pairs of classes that are taken for each other, the most frequent first. */
export function mistakes({ classes, cells }: Confusion, most: number): Mistake[] {
  const n = classes.length;
  const found: Mistake[] = [];
  classes.forEach((label, row) => {
    const all = cells.subarray(row * n, (row + 1) * n).reduce((sum, count) => sum + count, 0);
    classes.forEach((prediction, column) => {
      const count = cells[row * n + column]!;
      if (row !== column && count > 0) found.push({ label, prediction, count, share: count / all });
    });
  });
  return found.sort((a, b) => b.count - a.count || b.share - a.share).slice(0, most);
}

/** The places of at most `most` classes: all of them in order, or those that are most often taken for others. */
export function shownPlaces({ classes, cells }: Confusion, most: number): number[] {
  const n = classes.length;
  const places = classes.map((_, place) => place);
  if (n <= most) return places;
  const confused = places.map((row) =>
    places.reduce((sum, other) => sum + (other === row ? 0 : cells[row * n + other]! + cells[other * n + row]!), 0),
  );
  return places.sort((a, b) => confused[b]! - confused[a]! || a - b).slice(0, most);
}

/** One gesture of the history: when (s since 1970) and how many labels. */
export interface Labelled {
  time: number;
  count: number;
}

/** Labels per minute over the last `minutes`, in equal steps, oldest first; `now` in s since 1970. */
export function labelRate(gestures: readonly Labelled[], now: number, minutes = 10): number[] {
  const steps = new Array<number>(minutes).fill(0);
  for (const { time, count } of gestures) {
    const ago = Math.floor((now - time) / 60);
    if (ago >= 0 && ago < minutes) steps[minutes - 1 - ago]! += count;
  }
  return steps;
}
