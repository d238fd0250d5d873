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

/** A notice, of what began when; `owed`: the ms for which it must still be on show, 0 where none is lost with it. */
interface Told {
  notice: Notice;
  turn: number;
  owed: number;
}

const NOTICE_MS = { done: 6_000, problem: 12_000 };
/** So long an owed notice waits, at most, while newer ones keep coming. */
const PATIENCE_MS = 6_000;
/** For so long a newer one stays at least before an owed one comes again, longer where that has been seen for longer. */
const LEAST_MS = 1_000;
/** How a thing went that was asked for has been read when it was on show for so long. */
const READ_MS = 3_000;

/** Says one thing at a time, for as long as it takes to read. What is said of something gives way to what is said of
 * anything that began later; a problem then waits its turn, until it has been read. All else is lost with its moment. */
export class Saying {
  readonly notice = writable<Notice | null>(null);
  /** Says what is told of something that no person began on this page. */
  readonly late: Say = (text, kind, gesture = null) => this.tell({ text, kind, gesture }, 0, READ_MS);
  private turn = 0;
  private shown: (Told & { since: number }) | null = null;
  private waiting: Told[] = [];
  /** When one of those that wait is said, unless a problem is on show. */
  private due = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** Say something at once of what a person does; it need not come again. */
  readonly say: Say = (text, kind, gesture = null) => this.tell({ text, kind, gesture }, (this.turn += 1), 0);

  /** Something begins; returns what says how it goes. */
  begin(): Say {
    const turn = (this.turn += 1);
    return (text, kind, gesture = null) => this.tell({ text, kind, gesture }, turn, READ_MS);
  }

  /** Let what is on show go; the next that waits comes. */
  hush(): void {
    this.shown = null;
    clearTimeout(this.timer);
    const next = this.waiting.shift();
    if (next) this.show(next);
    else this.notice.set(null);
  }

  private tell(notice: Notice, turn: number, mustBeRead: number): void {
    const told = { notice, turn, owed: notice.kind === "problem" ? mustBeRead : 0 };
    const { shown } = this;
    const late = turn < this.turn;
    if (shown === null || (turn >= shown.turn && !(late && told.owed > 0 && shown.owed > 0))) return this.show(told);
    if (told.owed === 0) return;
    this.wait(told);
    this.time();
  }

  private show(told: Told): void {
    const before = this.shown;
    const now = performance.now();
    this.shown = { ...told, since: now };
    if (before && before.owed > 0) {
      const seen = now - before.since;
      const owed = Math.round(before.owed - seen);
      if (owed > 0) this.wait({ ...before, owed });
      this.due = now + Math.min(PATIENCE_MS, Math.max(LEAST_MS, 2 * seen));
    }
    this.notice.set(told.notice);
    this.time();
  }

  /** The same words need not be said twice. */
  private wait(told: Told): void {
    const others = this.shown && this.shown.owed > 0 ? [this.shown, ...this.waiting] : this.waiting;
    if (others.some(({ notice }) => notice.text === told.notice.text)) return;
    if (this.waiting.push(told) === 1) this.due = performance.now() + PATIENCE_MS;
  }

  /** Let what is on show go when it has been read, or when another has waited long enough. */
  private time(): void {
    clearTimeout(this.timer);
    if (!this.shown) return;
    const { notice, owed, since } = this.shown;
    const end = since + NOTICE_MS[notice.kind];
    const until = owed > 0 || this.waiting.length === 0 ? end : Math.min(end, this.due);
    this.timer = setTimeout(() => this.hush(), until - performance.now());
  }
}
