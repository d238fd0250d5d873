/** Some items, as one byte for every id; the ids themselves are gathered only when they are asked for. */
export class Marked {
  private gathered: Uint32Array | null = null;

  /** `marks` is 1 at the items, of which there are `count`; it is not to be changed. */
  constructor(
    readonly marks: Uint8Array,
    readonly count: number,
  ) {}

  /** The ids, ascending. */
  get ids(): Uint32Array {
    return (this.gathered ??= gather(this.marks, this.count));
  }
}

/** Some items: as ids, ascending, or marked. */
export type Items = Uint32Array | Marked;

export function idsOf(items: Items): Uint32Array {
  return items instanceof Marked ? items.ids : items;
}

function gather(marks: Uint8Array, count: number): Uint32Array {
  const found = new Uint32Array(count);
  let next = 0;
  // Written always, kept where it counts: a branch that goes either way at random costs more.
  for (let id = 0; next < count; id += 1) {
    found[next] = id;
    next += marks[id]!;
  }
  return found;
}
