import { get, type Readable, writable } from "svelte/store";
import { speakAs } from "../api/client";

const MEMORY = "shoal/user";
/** The longest name that the server takes. */
export const LONGEST_NAME = 60;

/** Who acts in this browser: a name that the person chose, sent with every request; empty: the server's own user. */
export class Person {
  private readonly store = writable("");
  readonly name: Readable<string> = this.store;

  /** `memory` is null where the browser keeps nothing. */
  constructor(private readonly memory: Pick<Storage, "getItem" | "setItem"> | null) {
    this.take(this.recall());
  }

  /** Choose a name; empty goes back to the server's user. */
  choose(name: string): void {
    this.take(name);
    try {
      this.memory?.setItem(MEMORY, get(this.store));
    } catch {
      // A browser that keeps nothing forgets this too.
    }
  }

  private take(name: string): void {
    const plain = name.normalize("NFC").replace(/[\p{C}\p{Z}]+/gu, " ").trim();
    const kept = [...plain].slice(0, LONGEST_NAME).join("").trim();
    this.store.set(kept);
    speakAs(kept);
  }

  private recall(): string {
    try {
      return this.memory?.getItem(MEMORY) ?? "";
    } catch {
      return "";
    }
  }
}
