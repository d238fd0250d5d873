import type { Selection as Wire } from "../api/client";
import type { WireFilter as Filter } from "../look/filters";
import { idsOf, type Items, Marked } from "../map/marked";
import { type Polygon } from "../map/polygon";
import type { Shape } from "../map/shapes";

/** The most ids that one request may name. */
export const MOST_IDS = 100_000;

/** With what a selection was made, where it was made at once: drawn with a tool, or everything there is. */
export type Means = Shape["kind"] | "all";

/** What a selection was drawn with: one lasso on one map, or something that only its ids can tell. */
export type Origin =
  | { kind: "lasso"; map: number; polygon: Polygon; tool: Exclude<Means, "brush">; filter: Filter | null }
  | { kind: "brush"; map: number; path: Float64Array; radius: number; tool: "brush"; filter: Filter | null }
  | { kind: "ids"; tool?: Means };

/** The items that the next label is for. Strangers are clicked out: still listed, but not meant. Immutable. */
export class Selection {
  static readonly EMPTY = new Selection(new Uint32Array(0), { kind: "ids" }, new Set());

  /** 1 by item id where it is listed, and where it is meant; made when first asked. */
  private listing: Uint8Array | null = null;
  private meant: Uint8Array | null = null;

  private constructor(
    private readonly items: Items,
    readonly origin: Origin,
    readonly strangers: ReadonlySet<number>,
  ) {}

  static lasso(items: Items, map: number, polygon: Polygon, tool: Exclude<Means, "brush"> = "lasso", filter: Filter | null = null): Selection {
    return new Selection(items, { kind: "lasso", map, polygon, tool, filter }, new Set());
  }

  static brush(items: Items, map: number, path: Float64Array, radius: number, filter: Filter | null = null): Selection {
    return new Selection(items, { kind: "brush", map, path, radius, tool: "brush", filter }, new Set());
  }

  /** What was drawn where no map tells it: only its ids can, but how it was drawn is known. */
  static drawn(items: Items, tool: Means): Selection {
    return new Selection(items, { kind: "ids", tool }, new Set());
  }

  static of(ids: Iterable<number>): Selection {
    const sorted = ids instanceof Uint32Array && ascends(ids);
    return new Selection(sorted ? ids : Uint32Array.from(new Set(ids)).sort(), { kind: "ids" }, new Set());
  }

  /** Everything that was drawn around, ascending, strangers included. */
  get listed(): Uint32Array {
    return idsOf(this.items);
  }

  /** How many items are meant. */
  get count(): number {
    return (this.items instanceof Marked ? this.items.count : this.items.length) - this.strangers.size;
  }

  get isEmpty(): boolean {
    return this.count === 0;
  }

  has(id: number): boolean {
    return this.members()[id] === 1;
  }

  /** Whether the item was drawn around, stranger or not. */
  lists(id: number): boolean {
    return this.listedMembers()[id] === 1;
  }

  /** 1 by item id where the item is meant; what lies beyond its end is not. Not to be changed. */
  members(): Uint8Array {
    if (this.meant) return this.meant;
    this.meant = this.listedMembers();
    if (this.strangers.size === 0) return this.meant;
    this.meant = this.meant.slice();
    for (const id of this.strangers) this.meant[id] = 0;
    return this.meant;
  }

  private listedMembers(): Uint8Array {
    if (this.items instanceof Marked) return this.items.marks;
    if (this.listing) return this.listing;
    this.listing = new Uint8Array((this.listed.at(-1) ?? -1) + 1);
    for (const id of this.listed) this.listing[id] = 1;
    return this.listing;
  }

  /** The ids that are meant, ascending. */
  ids(): Uint32Array {
    return this.strangers.size === 0 ? this.listed : this.listed.filter((id) => !this.strangers.has(id));
  }

  /** What of it passes; what was drawn with a filter passes it already, and goes on being told as it was drawn. */
  passing(passes: (id: number) => boolean): Selection {
    if (this.origin.kind !== "ids") return this;
    const ids = this.ids();
    const kept = ids.filter(passes);
    return kept.length === ids.length ? this : new Selection(kept, this.origin, new Set());
  }

  /** What of `all` is not meant. */
  inverted(all: Uint32Array): Selection {
    const meant = this.members();
    return new Selection(
      all.filter((id) => meant[id] !== 1),
      { kind: "ids" },
      new Set(),
    );
  }

  /** Click a stranger out, or back in. */
  toggle(id: number): Selection {
    if (!this.lists(id)) return this;
    const strangers = new Set(this.strangers);
    if (!strangers.delete(id)) strangers.add(id);
    return new Selection(this.items, this.origin, strangers);
  }

  /** Join another selection to this one. */
  plus(other: Selection): Selection {
    if (this.isEmpty) return other;
    if (other.isEmpty) return this;
    const [larger, smaller] = [this.members(), other.members()].sort((a, b) => b.length - a.length) as [Uint8Array, Uint8Array];
    const either = larger.slice();
    for (let id = 0; id < smaller.length; id += 1) either[id]! |= smaller[id]!;
    return new Selection(marked(either), { kind: "ids" }, new Set());
  }

  /** Take another selection's items out of this one. */
  minus(other: Selection): Selection {
    const gone = other.members();
    const kept = this.ids().filter((id) => gone[id] !== 1);
    return kept.length === this.count ? this : new Selection(kept, { kind: "ids" }, new Set());
  }

  /** Say it to the server: as ids where they fit, as its one lasso or brush, or as one bit for every item.
   *
   * Ids wherever they fit: the map that a lasso was drawn on may be gone before the request arrives, and is
   * then only where it came from.
   */
  wire(): Wire {
    const { origin } = this;
    const plain = { map_id: origin.kind === "ids" ? null : origin.map, polygon: null, ids: [], without: [] };
    if (this.count <= MOST_IDS) return { ...plain, ids: [...this.ids()] };
    const without = [...this.strangers].sort((a, b) => a - b);
    if (origin.kind === "ids" || without.length > MOST_IDS) return { ...plain, bits: bitsOf(this.members()) };
    const filter = origin.filter && { filter: origin.filter };
    if (origin.kind === "lasso") return { ...plain, ...filter, polygon: pairs(origin.polygon), without };
    return { ...plain, ...filter, brush: { path: pairs(origin.path), radius: origin.radius }, without };
  }
}

function pairs(flat: Float64Array): [number, number][] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!]);
}

/** One bit for every item, least first, as base64. */
export function bitsOf(members: Uint8Array): string {
  let text = "";
  for (let id = 0; id < members.length; id += 8) {
    let byte = 0;
    for (let bit = 0; bit < 8; bit += 1) if (members[id + bit] === 1) byte |= 1 << bit;
    text += String.fromCharCode(byte);
  }
  return btoa(text);
}

function ascends(ids: Uint32Array): boolean {
  for (let i = 1; i < ids.length; i += 1) if (ids[i]! <= ids[i - 1]!) return false;
  return true;
}

function marked(members: Uint8Array): Marked {
  let count = 0;
  for (let id = 0; id < members.length; id += 1) count += members[id]!;
  return new Marked(members, count);
}
