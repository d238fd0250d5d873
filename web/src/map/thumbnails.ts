import { perLayer, type SpriteSize } from "./sprites";

/** A decoded mosaic: cells row by row, in the order of `ids`. */
export interface Mosaic {
  size: SpriteSize;
  ids: readonly number[];
  image: ImageData;
  /** The cells that are grey because the server has no thumbnail for them. */
  missing: ReadonlySet<number>;
}

/** `ground` is the colour below transparent pictures, 0xRRGGBB. */
export type FetchMosaic = (size: SpriteSize, ids: readonly number[], ground: number) => Promise<Pick<Mosaic, "image" | "missing">>;

/** Fetches the thumbnails that the map wants, most wanted first, a mosaic at a time. */
export class ThumbnailLoader {
  private wanted: { size: SpriteSize; ids: readonly number[] }[] = [];
  private readonly coming = new Set<string>();
  private running = 0;
  private retryAt = 0;
  /** What lies below transparent pictures; what is under way for another ground is fetched again. */
  ground = -1;

  constructor(
    private readonly fetch: FetchMosaic,
    private readonly arrived: (mosaic: Mosaic) => void,
    private readonly parallel = 3,
  ) {}

  /** Say what is wanted now, most wanted first; what was wanted before and is not under way is forgotten. */
  want(lists: { size: SpriteSize; ids: readonly number[] }[]): void {
    this.wanted = lists;
    this.pump();
  }

  /** Whether nothing is under way. */
  get idle(): boolean {
    return this.running === 0;
  }

  private pump(): void {
    while (this.running < this.parallel && Date.now() >= this.retryAt) {
      const batch = this.next();
      if (!batch) return;
      void this.load(batch.size, batch.ids);
    }
  }

  private next(): { size: SpriteSize; ids: number[] } | null {
    for (const { size, ids } of this.wanted) {
      const batch: number[] = [];
      for (const id of ids) {
        if (this.coming.has(`${size}/${id}`)) continue;
        batch.push(id);
        if (batch.length === perLayer(size)) break;
      }
      if (batch.length > 0) return { size, ids: batch };
    }
    return null;
  }

  private async load(size: SpriteSize, ids: number[]): Promise<void> {
    const { ground } = this;
    const keys = ids.map((id) => `${size}/${id}`);
    for (const key of keys) this.coming.add(key);
    this.running += 1;
    try {
      const answer = await this.fetch(size, ids, ground);
      if (ground === this.ground) {
        const got = new Set(ids);
        // What has come is no longer wanted, even before the map says so again.
        this.wanted = this.wanted.map((list) =>
          list.size === size ? { size, ids: list.ids.filter((id) => !got.has(id)) } : list,
        );
        this.arrived({ size, ids, ...answer });
      }
    } catch {
      this.retryAt = Date.now() + 1000;
      setTimeout(() => this.pump(), 1050);
    } finally {
      for (const key of keys) this.coming.delete(key);
      this.running -= 1;
    }
    this.pump();
  }
}
