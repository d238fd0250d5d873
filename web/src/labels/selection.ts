import type { Selection as Wire } from "../api/client";
import { type Polygon } from "../map/polygon";

/** The most ids that one request may name. */
export const MOST_IDS = 100_000;

/** What a selection was drawn with: one lasso on one map, or something that only its ids can tell. */
export type Origin = { kind: "lasso"; map: number; polygon: Polygon } | { kind: "ids" };

/** The items that the next label is for. Strangers are clicked out: still listed, but not meant. Immutable. */
export class Selection {
  static readonly EMPTY = new Selection(new Uint32Array(0), { kind: "ids" }, new Set());

  /** 1 by item id, made when first asked. */
  private members: Uint8Array | null = null;

  private constructor(
    /** Everything that was drawn around, ascending, strangers included. */
    readonly listed: Uint32Array,
    readonly origin: Origin,
    readonly strangers: ReadonlySet<number>,
  ) {}

  static lasso(ids: Uint32Array, map: number, polygon: Polygon): Selection {
    return new Selection(ids, { kind: "lasso", map, polygon }, new Set());
  }

  static of(ids: Iterable<number>): Selection {
    return new Selection(Uint32Array.from(new Set(ids)).sort(), { kind: "ids" }, new Set());
  }

  /** How many items are meant. */
  get count(): number {
    return this.listed.length - this.strangers.size;
  }

  get isEmpty(): boolean {
    return this.count === 0;
  }

  has(id: number): boolean {
    return this.lists(id) && !this.strangers.has(id);
  }

  /** Whether the item was drawn around, stranger or not. */
  lists(id: number): boolean {
    if (!this.members) {
      this.members = new Uint8Array((this.listed.at(-1) ?? -1) + 1);
      for (const member of this.listed) this.members[member] = 1;
    }
    return this.members[id] === 1;
  }

  /** The ids that are meant, ascending. */
  ids(): Uint32Array {
    return this.strangers.size === 0 ? this.listed : this.listed.filter((id) => !this.strangers.has(id));
  }

  /** Click a stranger out, or back in. */
  toggle(id: number): Selection {
    if (!this.lists(id)) return this;
    const strangers = new Set(this.strangers);
    if (!strangers.delete(id)) strangers.add(id);
    return new Selection(this.listed, this.origin, strangers);
  }

  /** Join another selection to this one. */
  plus(other: Selection): Selection {
    if (this.isEmpty) return other;
    if (other.isEmpty) return this;
    return Selection.of([...this.ids(), ...other.ids()]);
  }

  /** Take another selection's items out of this one. */
  minus(other: Selection): Selection {
    const kept = this.ids().filter((id) => !other.has(id));
    return kept.length === this.count ? this : Selection.of(kept);
  }

  /** Say it to the server; null where it cannot be said (too many ids that no single lasso tells).
   *
   * Ids wherever they fit: the map that a lasso was drawn on may be gone before the request arrives, and is
   * then only where it came from.
   */
  wire(): Wire | null {
    const { origin } = this;
    if (origin.kind === "lasso" && this.count > MOST_IDS && this.strangers.size <= MOST_IDS) {
      const polygon: [number, number][] = [];
      for (let i = 0; i < origin.polygon.length; i += 2) polygon.push([origin.polygon[i]!, origin.polygon[i + 1]!]);
      return { map_id: origin.map, polygon, ids: [], without: [...this.strangers].sort((a, b) => a - b) };
    }
    if (this.count > MOST_IDS) return null;
    return { map_id: origin.kind === "lasso" ? origin.map : null, polygon: null, ids: [...this.ids()], without: [] };
  }
}
