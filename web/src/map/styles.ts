import type { PointStore } from "./points";
import { FILTERED, FRESH, LABELLED, PRESENT, SELECTED } from "./renderer";

/** How the items are to look, by item id. An array may end early: what lies beyond is plain. */
export interface Look {
  /** The row of `table` that colours the item; negative: none. */
  colours: Int32Array;
  /** Red, green, blue, row by row. */
  table: Uint8Array;
  /** 1 where the item is selected. */
  selected: Uint8Array;
  /** 1 where the filters let the item through; null where nothing is filtered. */
  passed: Uint8Array | null;
}

/** Nothing coloured, nothing selected, nothing filtered. */
export const PLAIN: Look = {
  colours: new Int32Array(0),
  table: new Uint8Array(0),
  selected: new Uint8Array(0),
  passed: null,
};

/** Item ids from `from` up to but not including `to`. */
export interface IdRange {
  from: number;
  to: number;
}

/** Where in a word the bit lies that says whether the item is on the map. */
const PRESENT_AT = 24 + Math.log2(PRESENT);

/** How many ids are compared, and sent on, together. */
const BLOCK = 4096;

/** The style of every item by item id, one word each: red, green, blue, and the bits of `renderer.ts` on top. */
export class StyleSheet {
  words: Uint32Array = new Uint32Array(0);
  /** How many items on the map are selected, and how many are coloured. */
  selected = 0;
  coloured = 0;

  /** Write the look of every item; return where anything changed, in ascending ranges. */
  apply(points: PointStore, look: Look): IdRange[] {
    if (this.words.length < points.size) {
      const words = new Uint32Array(points.present.length);
      words.set(this.words);
      this.words = words;
    }
    const rows = packed(look.table);
    const changed: IdRange[] = [];
    this.selected = 0;
    this.coloured = 0;
    for (let from = 0; from < points.size; from += BLOCK) {
      const to = Math.min(points.size, from + BLOCK);
      if (!this.applyBlock(points, look, rows, from, to)) continue;
      const last = changed.at(-1);
      if (last?.to === from) last.to = to;
      else changed.push({ from, to });
    }
    return changed;
  }

  /** Write who is selected, where nothing else has changed since `apply`; return where anything changed.
   *
   * A lasso that is being drawn asks for this with every move: of a million items it takes a fifth of `apply`.
   */
  select(points: PointStore, selected: Uint8Array): IdRange[] {
    const { words } = this;
    let count = 0;
    let [from, to] = [Infinity, 0];
    for (let id = 0; id < points.size; id += 1) {
      const word = words[id]!;
      const bit = id < selected.length ? selected[id]! & (word >>> PRESENT_AT) : 0;
      count += bit;
      const now = ((word & ~(SELECTED << 24)) | (bit << 24)) >>> 0;
      if (now === word) continue;
      words[id] = now;
      if (id < from) from = id;
      to = id + 1;
    }
    this.selected = count;
    return to > 0 ? [{ from, to }] : [];
  }

  private applyBlock({ present, fresh }: PointStore, look: Look, rows: Uint32Array, from: number, to: number): boolean {
    const { words } = this;
    const { colours, selected, passed } = look;
    let differs = 0;
    for (let id = from; id < to; id += 1) {
      let word = 0;
      if (present[id] === 1) {
        const row = id < colours.length ? colours[id]! : -1;
        let bits = PRESENT | (fresh[id] === 1 ? FRESH : 0);
        if (row >= 0 && row < rows.length) {
          word = rows[row]!;
          bits |= LABELLED;
          this.coloured += 1;
        }
        if (id < selected.length && selected[id] === 1) {
          bits |= SELECTED;
          this.selected += 1;
        }
        if (passed !== null && passed[id] !== 1) bits |= FILTERED;
        word |= bits << 24;
      }
      differs |= words[id]! ^ word;
      words[id] = word;
    }
    return differs !== 0;
  }
}

function packed(table: Uint8Array): Uint32Array {
  const rows = new Uint32Array(Math.floor(table.length / 3));
  for (let row = 0; row < rows.length; row += 1)
    rows[row] = table[3 * row]! | (table[3 * row + 1]! << 8) | (table[3 * row + 2]! << 16);
  return rows;
}
