import type { components } from "../api/schema.gen";

export type WireFilter = components["schemas"]["Filter"];

/** What one column of metadata must hold. */
export interface ColumnChoice {
  column: number;
  /** What to call it on a chip. */
  text: string;
  categories: readonly number[] | null;
  low: number | null;
  high: number | null;
}

/** Which items pass: everything that is said must hold. */
export interface Filters {
  labelled: boolean | null;
  classes: readonly { id: number; name: string }[];
  columns: readonly ColumnChoice[];
  text: string;
}

export const OPEN: Filters = { labelled: null, classes: [], columns: [], text: "" };

/** The filters that were written down as JSON, with the classes as they are now; `OPEN` where that is none. */
export function revived(text: string | null, classes: readonly { id: number; name: string }[]): Filters {
  try {
    const { labelled, classes: chosen, columns, text: name } = JSON.parse(text ?? "") as Filters;
    if ((labelled !== null && typeof labelled !== "boolean") || typeof name !== "string") return OPEN;
    const there = chosen.flatMap(({ id }) => classes.filter((one) => one.id === id).map((one) => ({ id, name: one.name })));
    return columns.every(({ column }) => Number.isInteger(column)) ? { labelled, classes: there, columns, text: name } : OPEN;
  } catch {
    return OPEN;
  }
}

/** One filter as a person sees it, and how the filters are without it. */
export interface Chip {
  text: string;
  without: Filters;
}

export function chips(filters: Filters): Chip[] {
  const found: Chip[] = [];
  if (filters.labelled !== null)
    found.push({ text: filters.labelled ? "labelled" : "unlabelled", without: { ...filters, labelled: null } });
  for (const { id, name } of filters.classes)
    found.push({ text: name, without: { ...filters, classes: filters.classes.filter((one) => one.id !== id) } });
  for (const choice of filters.columns)
    found.push({ text: choice.text, without: { ...filters, columns: filters.columns.filter((one) => one !== choice) } });
  if (filters.text) found.push({ text: `“${filters.text}” in the name`, without: { ...filters, text: "" } });
  return found;
}

/** Put a choice in the place of the one that there was for its column. */
export function withColumn(filters: Filters, choice: ColumnChoice): Filters {
  return { ...filters, columns: [...filters.columns.filter(({ column }) => column !== choice.column), choice] };
}

/** Let the items of a class through too, or no longer. */
export function toggleClass(filters: Filters, of: { id: number; name: string }): Filters {
  const others = filters.classes.filter(({ id }) => id !== of.id);
  return { ...filters, classes: others.length < filters.classes.length ? others : [...others, of] };
}

/** Say the filters to the server; null where they let everything through. */
export function wire(filters: Filters): WireFilter | null {
  if (chips(filters).length === 0) return null;
  return { ...ofItems(filters), labelled: filters.labelled, classes: filters.classes.map(({ id }) => id) };
}

/** The part that only the server can judge: metadata and names. */
export function ofItems(filters: Filters): WireFilter {
  const columns = filters.columns.map(({ column, categories, low, high }) => ({
    column,
    categories: categories && [...categories],
    low,
    high,
  }));
  return { labelled: null, classes: [], columns, text: filters.text };
}

/** Whether the server has to be asked which items pass. */
export function asksServer(filters: Filters): boolean {
  return filters.columns.length > 0 || filters.text !== "";
}

/** By item id 1 where an item passes; `named` holds what the server lets through, null where it was not asked.
 * Labels are judged here, by the same rule: what has just been labelled passes no filter for unlabelled items. */
export function passing(filters: Filters, size: number, named: Uint8Array | null, classOf: (id: number) => number): Uint8Array | null {
  if (chips(filters).length === 0) return null;
  const classes = new Set(filters.classes.map(({ id }) => id));
  const passed = new Uint8Array(size);
  for (let id = 0; id < size; id += 1) {
    if (named && named[id] !== 1) continue;
    const of = classOf(id);
    if (filters.labelled !== null && (of !== -1) !== filters.labelled) continue;
    if (classes.size > 0 && !classes.has(of)) continue;
    passed[id] = 1;
  }
  return passed;
}
