import { writable } from "svelte/store";

/** A line of text that comes and goes. */
export interface Notice {
  text: string;
  kind: "done" | "problem";
  /** The request id of the gesture that it tells of and that can be taken back there; null: none. */
  gesture: string | null;
}

const NOTICE_MS = { done: 6_000, problem: 12_000 };

/** Says one thing at a time, for as long as it takes to read. */
export class Saying {
  readonly notice = writable<Notice | null>(null);
  private timer: ReturnType<typeof setTimeout> | undefined;

  say(text: string, kind: Notice["kind"], gesture: string | null = null): void {
    clearTimeout(this.timer);
    this.notice.set({ text, kind, gesture });
    this.timer = setTimeout(() => this.notice.set(null), NOTICE_MS[kind]);
  }

  hush(): void {
    clearTimeout(this.timer);
    this.notice.set(null);
  }
}
