/** The sizes of thumbnails that the page keeps, in px, and how many of each at most. */
export const SPRITE_SIZES = [64, 128, 256] as const;
export type SpriteSize = (typeof SPRITE_SIZES)[number];

/** A layer of a texture array is a square of this many px. */
export const LAYER = 1024;
export const LAYERS: Record<SpriteSize, number> = { 64: 16, 128: 16, 256: 16 };

/** How many cells one layer (and one mosaic) of this size holds. */
export function perLayer(size: SpriteSize): number {
  return (LAYER / size) ** 2;
}

/** Where a slot lies: its layer, and the px of its left upper corner. */
export function place(size: SpriteSize, slot: number): { layer: number; x: number; y: number } {
  const across = LAYER / size;
  const cell = slot % perLayer(size);
  return { layer: Math.floor(slot / perLayer(size)), x: (cell % across) * size, y: Math.floor(cell / across) * size };
}

/** Which item's thumbnail lies in which slot; the one unused for longest gives way. */
export class SlotCache {
  private readonly slots = new Map<number, number>();
  /** Whose pixels are to be fetched anew; they are shown until then. */
  private readonly stale = new Set<number>();
  private readonly owner: Int32Array;
  private readonly lastUsed: Float64Array;

  constructor(readonly capacity: number) {
    this.owner = new Int32Array(capacity).fill(-1);
    this.lastUsed = new Float64Array(capacity).fill(-1);
  }

  /** The slot of an item's thumbnail, or -1. */
  find(id: number): number {
    return this.slots.get(id) ?? -1;
  }

  /** Whether the item's thumbnail is here and need not be fetched. */
  isFresh(id: number): boolean {
    return this.slots.has(id) && !this.stale.has(id);
  }

  /** Say that what is here may have changed. */
  expire(): void {
    for (const id of this.slots.keys()) this.stale.add(id);
  }

  /** Say that the slot is drawn at this moment. */
  touch(slot: number, now: number): void {
    this.lastUsed[slot] = now;
  }

  /** Give the item a slot: a free one or the one unused for longest; -1 where all are in use at this moment. */
  claim(id: number, now: number): number {
    this.stale.delete(id);
    const held = this.slots.get(id);
    if (held !== undefined) return held;
    let slot = 0;
    for (let i = 1; i < this.capacity; i += 1) if (this.lastUsed[i]! < this.lastUsed[slot]!) slot = i;
    if (this.lastUsed[slot]! >= now) return -1;
    this.slots.delete(this.owner[slot]!);
    this.stale.delete(this.owner[slot]!);
    this.slots.set(id, slot);
    this.owner[slot] = id;
    this.lastUsed[slot] = now;
    return slot;
  }

  clear(): void {
    this.slots.clear();
    this.stale.clear();
    this.owner.fill(-1);
    this.lastUsed.fill(-1);
  }
}

/** The smallest size that is sharp when drawn `pixels` device px large. */
export function sharpSize(pixels: number): SpriteSize {
  return SPRITE_SIZES.find((size) => size >= pixels * 0.92) ?? 256;
}
