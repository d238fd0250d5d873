import type { Readable } from "svelte/store";
import { type State, Unreachable } from "./client";

/** Remembers that an answer has not come because the server is away, and asks again once the server answers. */
export class Missed {
  private last: Promise<unknown> | null = null;
  private away = false;

  /** `again` asks anew, and has that watched. */
  constructor(private readonly again: () => void) {}

  /** Watch what is asked for, instead of what was watched before; return it. */
  watch<T>(asked: Promise<T>): Promise<T> {
    this.forget();
    this.last = asked;
    asked.catch((error: unknown) => {
      if (this.last === asked) this.away = error instanceof Unreachable;
    });
    return asked;
  }

  /** Nobody waits for it any more. */
  forget(): void {
    this.last = null;
    this.away = false;
  }

  /** Take every state that comes for a sign that the server answers; returns how to stop. */
  follow(server: Readable<State | null>): () => void {
    return server.subscribe((now) => {
      if (now === null || !this.away) return;
      this.forget();
      this.again();
    });
  }
}
