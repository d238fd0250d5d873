import { get, type Readable, writable } from "svelte/store";

const KEY = "shoal/panel";

/** Which panel is open: one at most, remembered by the browser. */
export class OpenPanel {
  private readonly id = writable<string | null>(null);
  readonly store: Readable<string | null> = this.id;

  /** `kept` is null where the browser keeps nothing. */
  constructor(private readonly kept: Pick<Storage, "getItem" | "setItem"> | null) {
    this.id.set(this.recall() || null);
  }

  /** Open a panel, or close it where it is open; return whether it is open now. */
  toggle(id: string): boolean {
    const open = get(this.id) !== id;
    this.set(open ? id : null);
    return open;
  }

  open(id: string): void {
    this.set(id);
  }

  close(): void {
    this.set(null);
  }

  private set(id: string | null): void {
    this.id.set(id);
    try {
      this.kept?.setItem(KEY, id ?? "");
    } catch {
      // A browser that keeps nothing forgets this too.
    }
  }

  private recall(): string | null {
    try {
      return this.kept?.getItem(KEY) ?? null;
    } catch {
      return null;
    }
  }
}

/** What the browser keeps for this page, or null where it was told to keep nothing. */
export function memory(of = () => localStorage): Storage | null {
  try {
    return of();
  } catch {
    return null;
  }
}
