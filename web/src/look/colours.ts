import { parse, type Rgb } from "../map/palette";

/** What the items are coloured by. */
export type ColourBy =
  | { by: "nothing" }
  | { by: "label" }
  | { by: "prediction" }
  | { by: "confidence" }
  | { by: "disagreement" }
  | { by: "column"; id: number };

/** What tells one way of colouring from another. */
export function colourId(colour: ColourBy): string {
  return colour.by === "column" ? `column ${colour.id}` : colour.by;
}

/** One line of the legend: which items are of this colour, by the number that `place` gives them. */
export interface LegendEntry {
  place: number;
  name: string;
  colour: string;
  count: number;
}

/** What the colours mean. `many` counts the categories that are not listed. */
export type Legend =
  | { kind: "none" }
  | { kind: "categories"; entries: LegendEntry[]; many: number }
  | { kind: "ramp"; low: number; high: number; stops: readonly string[]; missing: number };

/** A colour for every item: the row of `table` by item id, negative for none. */
export interface Painting {
  colours: Int32Array;
  /** Red, green, blue, row by row. */
  table: Uint8Array;
  legend: Legend;
}

export const UNPAINTED: Painting = { colours: new Int32Array(0), table: new Uint8Array(0), legend: { kind: "none" } };

/** Dark to light by even steps of lightness, every stop visible on the dark and on the light ground. */
export const RAMP = ["#5b4fc9", "#3384c9", "#2fb3a8", "#8ccf5a", "#f5e35b"] as const;
const RAMP_STEPS = 64;
const LISTED = 200;

/** Paint by category: `places` holds each item's category by item id, negative or NaN for none. */
export function paintCategories(
  places: Int32Array | Float32Array,
  ids: Uint32Array,
  categories: readonly { name: string; colour: Rgb }[],
): Painting {
  const counts = new Uint32Array(categories.length);
  const colours = places instanceof Int32Array ? places : Int32Array.from(places, (place) => (place >= 0 ? place : -1));
  for (let i = 0; i < ids.length; i += 1) {
    const id = ids[i]!;
    const place = id < colours.length ? colours[id]! : -1;
    if (place >= 0 && place < counts.length) counts[place]! += 1;
  }
  const table = new Uint8Array(3 * categories.length);
  categories.forEach(({ colour }, place) => table.set(colour, 3 * place));
  const entries = categories
    .map(({ name, colour: [r, g, b] }, place) => ({ place, name, colour: `rgb(${r} ${g} ${b})`, count: counts[place]! }))
    .filter(({ count }) => count > 0);
  return { colours, table, legend: { kind: "categories", entries: entries.slice(0, LISTED), many: Math.max(0, entries.length - LISTED) } };
}

/** Paint by number, from the 1st to the 99th percentile of the items `ids`; NaN stays unpainted. */
export function paintRamp(values: Float32Array, ids: Uint32Array): Painting {
  const known = Float32Array.from(ids, (id) => values[id] ?? NaN).filter((value) => !Number.isNaN(value)).sort();
  const at = (part: number): number => known[Math.round(part * (known.length - 1))] ?? 0;
  const [low, high] = [at(0.01), at(0.99)];
  const colours = new Int32Array(values.length).fill(-1);
  for (let id = 0; id < values.length; id += 1) {
    const value = values[id]!;
    if (!Number.isNaN(value)) colours[id] = rampStep(value, low, high);
  }
  return {
    colours,
    table: rampTable(),
    legend: { kind: "ramp", low, high, stops: RAMP, missing: ids.length - known.length },
  };
}

function rampStep(value: number, low: number, high: number): number {
  const part = high > low ? (value - low) / (high - low) : 0.5;
  return Math.round(Math.min(1, Math.max(0, part)) * (RAMP_STEPS - 1));
}

function rampTable(): Uint8Array {
  const stops = RAMP.map(parse);
  const table = new Uint8Array(3 * RAMP_STEPS);
  for (let step = 0; step < RAMP_STEPS; step += 1) {
    const along = (step / (RAMP_STEPS - 1)) * (stops.length - 1);
    const left = Math.min(stops.length - 2, Math.floor(along));
    for (let channel = 0; channel < 3; channel += 1) {
      const from = stops[left]![channel]!;
      table[3 * step + channel] = Math.round(from + (stops[left + 1]![channel]! - from) * (along - left));
    }
  }
  return table;
}

/** Predictions less sure than this are painted as unsure: most of them are wrong. */
export const UNSURE_BELOW = 0.25;
export const UNSURE = { name: "unsure, under 25 %", colour: parse("#8a97a8") };

/** The predicted classes by item id, `unsure` in place of those that say next to nothing of an item without a label. */
export function sureClasses(
  { classes, confidence }: { classes: Int32Array; confidence: Float32Array },
  labelOf: (id: number) => number,
  unsure: number,
): Int32Array {
  return classes.map((guess, id) => (guess >= 0 && confidence[id]! < UNSURE_BELOW && labelOf(id) < 0 ? unsure : guess));
}

/** Where label and prediction of an item meet: 0 agreed, 1 not, -1 where one of them is missing. */
export function disagreement(size: number, labelOf: (id: number) => number, predictionOf: (id: number) => number): Int32Array {
  return Int32Array.from({ length: size }, (_, id) => {
    const [label, prediction] = [labelOf(id), predictionOf(id)];
    return label < 0 || prediction < 0 ? -1 : Number(label !== prediction);
  });
}

/** A number of the legend as a person writes it: `kind` date is days since 1970. */
export function legendNumber(value: number, kind: string): string {
  if (kind === "date") return new Date(value * 86_400_000).toISOString().slice(0, 10);
  if (kind === "share") return `${Math.round(100 * value)} %`;
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return value.toPrecision(3);
}
