import type { ItemInfo } from "../api/client";

/** Remembers what the server said about the last items asked for. */
export class Facts {
  private readonly known = new Map<number, Promise<ItemInfo>>();

  constructor(
    private readonly fetch: (id: number) => Promise<ItemInfo>,
    private readonly most = 500,
  ) {}

  /** Forget everything: items may have changed. */
  forget(): void {
    this.known.clear();
  }

  /** What is known about an item; a failed answer is forgotten, so that it is asked for again. */
  of(id: number): Promise<ItemInfo> {
    const known = this.known.get(id);
    if (known) return known;
    const asked = this.fetch(id);
    asked.catch(() => this.known.delete(id));
    this.known.set(id, asked);
    const oldest = this.known.keys().next().value;
    if (this.known.size > this.most && oldest !== undefined) this.known.delete(oldest);
    return asked;
  }
}
