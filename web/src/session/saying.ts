import { get, writable } from "svelte/store";

/** A line of text that comes and goes. */
export interface Notice {
  text: string;
  kind: "done" | "problem";
  /** The request id of the gesture that it tells of and that can be taken back there; null: none. */
  gesture: string | null;
}

/** Says something; `gesture` can be taken back where it is said. */
export type Say = (text: string, kind: Notice["kind"], gesture?: string | null) => void;

const NOTICE_MS = { done: 6_000, problem: 12_000 };

/** Says one thing at a time, for as long as it takes to read. What is said of something gives way to what is said of
 * anything that was asked later: a problem waits until that is gone, all else is not said. */
export class Saying {
  readonly notice = writable<Notice | null>(null);
  /** Says what is told of something that this page has not asked. */
  readonly late: Say = (text, kind, gesture = null) => this.tell({ text, kind, gesture }, 0);
  private turn = 0;
  /** Of which turn the notice on show is. */
  private shown = 0;
  private waiting: { notice: Notice; turn: number } | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  readonly say: Say = (text, kind, gesture) => this.begin()(text, kind, gesture);

  /** Something begins; returns what says how it goes. */
  begin(): Say {
    const turn = (this.turn += 1);
    return (text, kind, gesture = null) => this.tell({ text, kind, gesture }, turn);
  }

  hush(): void {
    clearTimeout(this.timer);
    this.notice.set(null);
    const { waiting } = this;
    this.waiting = null;
    if (waiting) this.tell(waiting.notice, waiting.turn);
  }

  private tell(notice: Notice, turn: number): void {
    if (get(this.notice) !== null && turn < this.shown) {
      if (notice.kind === "problem" && turn >= (this.waiting?.turn ?? 0)) this.waiting = { notice, turn };
      return;
    }
    clearTimeout(this.timer);
    this.shown = turn;
    this.notice.set(notice);
    this.timer = setTimeout(() => this.hush(), NOTICE_MS[notice.kind]);
  }
}
