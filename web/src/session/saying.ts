import { writable } from "svelte/store";

/** A line of text that comes and goes. */
export interface Notice {
  text: string;
  kind: "done" | "problem";
  /** The request id of the gesture that it tells of and that can be taken back there; null: none. */
  gesture: string | null;
}

/** Says something; `gesture` can be taken back where it is said. */
export type Say = (text: string, kind: Notice["kind"], gesture?: string | null) => void;

/** A notice, of what began when; `late`: a problem of something after which something else has begun. */
interface Told {
  notice: Notice;
  turn: number;
  late: boolean;
}

const NOTICE_MS = { done: 6_000, problem: 12_000 };
/** So long no late problem is said, at most, while one waits and newer notices keep coming. */
const PATIENCE_MS = 6_000;
/** A late problem that was on show for less has not been read: it waits again. */
const READ_MS = 3_000;

/** Says one thing at a time, for as long as it takes to read. What is said of something gives way to what is said of
 * anything that began later: a problem waits its turn, and is said until it has been read; all else is not said. */
export class Saying {
  readonly notice = writable<Notice | null>(null);
  /** Says what is told of something that no person began on this page. */
  readonly late: Say = (text, kind, gesture = null) => this.tell({ text, kind, gesture }, 0);
  private turn = 0;
  private shown: (Told & { since: number }) | null = null;
  private waiting: Told[] = [];
  /** When one of those that wait is said, whatever is on show. */
  private due = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  readonly say: Say = (text, kind, gesture) => this.begin()(text, kind, gesture);

  /** Something begins; returns what says how it goes. */
  begin(): Say {
    const turn = (this.turn += 1);
    return (text, kind, gesture = null) => this.tell({ text, kind, gesture }, turn);
  }

  /** Let what is on show go; the next that waits comes. */
  hush(): void {
    this.shown = null;
    clearTimeout(this.timer);
    const next = this.waiting.shift();
    if (next) this.show(next);
    else this.notice.set(null);
  }

  private tell(notice: Notice, turn: number): void {
    const told = { notice, turn, late: notice.kind === "problem" && turn < this.turn };
    const { shown } = this;
    if (shown === null || (turn >= shown.turn && !(told.late && shown.late))) return this.show(told);
    if (!told.late) return;
    this.wait(told);
    this.time();
  }

  private show(told: Told): void {
    const before = this.shown;
    const now = performance.now();
    if (before?.late && now - before.since < READ_MS) this.wait(before);
    if (before?.late) this.due = now + PATIENCE_MS;
    this.shown = { ...told, since: now };
    this.notice.set(told.notice);
    this.time();
  }

  /** The same words need not be said twice. */
  private wait(told: Told): void {
    if (this.waiting.some(({ notice }) => notice.text === told.notice.text)) return;
    if (this.waiting.push(told) === 1) this.due = performance.now() + PATIENCE_MS;
  }

  /** Let what is on show go when it has been read, or when another has waited long enough. */
  private time(): void {
    clearTimeout(this.timer);
    if (!this.shown) return;
    const { notice, late, since } = this.shown;
    const end = since + NOTICE_MS[notice.kind];
    const until = late || this.waiting.length === 0 ? end : Math.min(end, this.due);
    this.timer = setTimeout(() => this.hush(), until - performance.now());
  }
}
