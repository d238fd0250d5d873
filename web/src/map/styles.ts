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
  /** Who the words say is selected: what was given last. */
  private chosen: Uint8Array = new Uint8Array(0);

  /** Write the look of every item; return where anything changed, in ascending ranges. */
  apply(points: PointStore, look: Look): IdRange[] {
    if (this.words.length < points.size) {
      const words = new Uint32Array(points.present.length);
      words.set(this.words);
      this.words = words;
    }
    const rows = packed(look.table);
    const changed: IdRange[] = [];
    this.chosen = look.selected;
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
   * A lasso that is being drawn asks for this with every move: what neither selection has is passed by in fours.
   */
  select(points: PointStore, selected: Uint8Array): IdRange[] {
    const { chosen } = this;
    this.chosen = selected;
    const both = Math.min(chosen.length, selected.length, points.size) >> 2;
    const [before, now] = [new Uint32Array(chosen.buffer, 0, both), new Uint32Array(selected.buffer, 0, both)];
    let [from, to] = [Infinity, 0];
    for (let four = 0; four < both; four += 1) {
      if (before[four] === now[four]) continue;
      for (let id = 4 * four; id < 4 * four + 4; id += 1) {
        if (!this.mark(id, selected[id]!)) continue;
        if (id < from) from = id;
        to = id + 1;
      }
    }
    const end = Math.min(points.size, Math.max(chosen.length, selected.length));
    for (let id = 4 * both; id < end; id += 1) {
      if (!this.mark(id, id < selected.length ? selected[id]! : 0)) continue;
      if (id < from) from = id;
      to = id + 1;
    }
    return to > 0 ? [{ from, to }] : [];
  }

  /** Write whether one item is selected, where it is on the map; return whether that changed. */
  private mark(id: number, selected: number): boolean {
    const word = this.words[id]!;
    const bit = selected & (word >>> PRESENT_AT);
    const now = ((word & ~(SELECTED << 24)) | (bit << 24)) >>> 0;
    if (now === word) return false;
    this.words[id] = now;
    this.selected += bit === 1 ? 1 : -1;
    return true;
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
