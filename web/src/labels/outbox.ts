import { ApiError, type LabelResult, reasonOf, remedy } from "../api/client";
import { byIds } from "./fallback";
import { type Entry, inOrder, type Storage } from "./storage";

/** How the outbox stands, as the page says it. */
export interface OutboxState {
  /** How many gestures the server has not confirmed. */
  pending: number;
  /** Why they wait, if they wait: the server does not answer, wants the page opened anew, or serves another workspace. */
  trouble: "none" | "unreachable" | "reopen" | "elsewhere";
  /** How many of them the browser would not store: they are gone with this tab. */
  loose: number;
}

export interface OutboxEvents {
  changed: (state: OutboxState) => void;
  /** The server has it; resolves when the page shows the server's truth, before the optimistic picture goes. */
  confirmed: (entry: Entry, result: LabelResult) => Promise<void>;
  /** The server said no: the gesture is taken back. */
  refused: (entry: Entry, reason: string) => void;
}

type Send = (path: string, body: object) => Promise<LabelResult>;
/** Runs the work while no other tab runs its own. */
export type Lock = (work: () => Promise<OutboxState["trouble"]>) => Promise<OutboxState["trouble"]>;

/** What storage held at a moment, and what of this tab's it must have held. */
export interface Snapshot {
  stored: Entry[];
  expected: ReadonlySet<string>;
}

const FIRST_WAIT = 500;
const LONGEST_WAIT = 8_000;
/** So long (ms) the browser's storage may take to tell what it holds before it is done without. */
const PATIENCE = 3_000;

/** Keeps every gesture until the server confirms it, and sends them one after another in their order.
 *
 * Tabs share the storage: whichever holds the lock sends what all of them have left there.
 */
export class Outbox {
  private entries: Entry[] = [];
  private readonly durable = new Set<string>();
  private readonly unstorable = new Set<string>();
  /** What this tab has an answer for: storage may still hold it for a moment. */
  private readonly finished = new Set<string>();
  /** Ends when the page shows all that the server has confirmed so far. */
  private settling: Promise<void> = Promise.resolve();
  private trouble: OutboxState["trouble"] = "none";
  private draining = false;
  private wait = FIRST_WAIT;
  private wake: (() => void) | null = null;
  /** Whether there was a nudge during the attempt under way: what that attempt finds may be old by its end. */
  private nudged = false;

  private constructor(
    private readonly storage: Storage,
    private readonly workspace: string,
    private readonly send: Send,
    private readonly events: OutboxEvents,
    private readonly lock: Lock,
  ) {}

  /** Open the outbox of a workspace with what an earlier visit left in it, and go on sending. */
  static async open(
    storage: Storage,
    workspace: string,
    send: Send,
    events: OutboxEvents,
    lock: Lock = (work) => work(),
  ): Promise<Outbox> {
    const outbox = new Outbox(storage, workspace, send, events, lock);
    outbox.take(await outbox.look());
    outbox.report();
    outbox.nudge();
    return outbox;
  }

  /** The gestures that the server has not confirmed, in order. */
  get waiting(): readonly Entry[] {
    return this.entries;
  }

  /** Whether every waiting gesture would survive the end of this tab. */
  get safe(): boolean {
    return this.entries.every((entry) => this.durable.has(entry.requestId));
  }

  /** Keep a gesture, then send it. */
  async add(gesture: Omit<Entry, "order" | "workspace">): Promise<void> {
    const order = Math.max(Date.now(), Math.floor(this.entries.at(-1)?.order ?? 0) + 1);
    const entry = { ...gesture, order, workspace: this.workspace };
    this.entries = [...this.entries, entry];
    this.report();
    await this.keep(entry);
    this.nudge();
  }

  /** Try again at once: the server has been heard of. */
  nudge(): void {
    this.nudged = true;
    this.wake?.();
    // What goes wrong beyond a gesture's own troubles ends the drain; the next nudge begins another.
    this.drain().catch(() => undefined);
  }

  /** Read what all tabs have left in storage; null where it cannot be read, or not in time. */
  async look(): Promise<Snapshot | null> {
    const expected = new Set(this.durable);
    try {
      const all = await within(PATIENCE, this.storage.all());
      return { stored: all.filter((entry) => entry?.workspace === this.workspace), expected };
    } catch {
      return null;
    }
  }

  /** Take what other tabs have added, and let go what they have had confirmed: `seen` was read before the labels
   * that the page shows now, so those hold it. Returns the request ids of what others have delivered: no answer to
   * that comes here. */
  follow(seen: Snapshot | null): string[] {
    if (!seen) return [];
    const stored = new Set(seen.stored.map((entry) => entry.requestId));
    const isGone = ({ requestId: id }: Entry): boolean => !stored.has(id) && seen.expected.has(id);
    const gone = this.entries.filter(isGone);
    this.entries = this.entries.filter((entry) => !isGone(entry));
    if (this.take(seen) || gone.length > 0) this.report();
    this.nudge();
    return gone.map(({ requestId }) => requestId).filter((id) => !this.finished.has(id));
  }

  /** Take from storage what this tab does not have yet; return whether there was any. */
  private take(seen: Snapshot | null): boolean {
    const here = new Set(this.entries.map((entry) => entry.requestId));
    const others = (seen?.stored ?? []).filter(({ requestId: id }) => !here.has(id) && !this.finished.has(id));
    if (others.length === 0) return false;
    for (const entry of others) this.durable.add(entry.requestId);
    this.entries = inOrder([...this.entries, ...others]);
    return true;
  }

  /** The first gesture that the server has not answered. */
  private get next(): Entry | undefined {
    return this.entries.find(({ requestId }) => !this.finished.has(requestId));
  }

  private async drain(): Promise<void> {
    if (this.draining || !this.next) return;
    this.draining = true;
    try {
      while (this.next) {
        this.nudged = false;
        const trouble = await this.lock(() => this.deliverAll());
        if (trouble !== "none") await this.pause(trouble);
      }
      // Another tab may have sent what was left: then there was no answer here that ended the trouble.
      this.untroubled();
    } finally {
      this.draining = false;
    }
  }

  private async deliverAll(): Promise<OutboxState["trouble"]> {
    if (this.take(await this.look())) this.report();
    for (let entry = this.next; entry; entry = this.next) {
      const trouble = await this.deliver(entry);
      if (trouble !== "none") return trouble;
    }
    return "none";
  }

  private async deliver(entry: Entry): Promise<OutboxState["trouble"]> {
    try {
      const result = await this.send(entry.path, entry.body);
      this.untroubled();
      this.finished.add(entry.requestId);
      // Not awaited: the lock is for sending, and what other tabs have to send does not wait for this page.
      this.settling = this.settling.then(() => this.settle(entry, result));
      await this.unkeep(entry);
    } catch (error) {
      const answer = remedy(error);
      if (answer !== "refused") return answer === "retry" ? "unreachable" : answer;
      this.untroubled();
      const other = isAboutMap(error) ? byIds(entry) : null;
      if (other) await this.replace(entry, other);
      else {
        await this.forget(entry);
        this.events.refused(entry, reasonOf(error));
      }
    }
    return "none";
  }

  /** Show a confirmed gesture until the page has the labels that hold it. */
  private async settle(entry: Entry, result: LabelResult): Promise<void> {
    await this.events.confirmed(entry, result).catch(() => undefined);
    this.drop(entry);
  }

  /** Put other words in the place of a gesture. */
  private async replace(entry: Entry, other: Entry): Promise<void> {
    this.entries = this.entries.map((one) => (one === entry ? other : one));
    await this.keep(other);
    this.report();
  }

  private async keep(entry: Entry): Promise<void> {
    try {
      await this.storage.put(entry);
      this.durable.add(entry.requestId);
    } catch {
      // A browser that keeps nothing must not keep the gesture from being sent.
      this.unstorable.add(entry.requestId);
      this.report();
    }
  }

  private async forget(entry: Entry): Promise<void> {
    this.finished.add(entry.requestId);
    this.drop(entry);
    await this.unkeep(entry);
  }

  private drop(entry: Entry): void {
    this.entries = this.entries.filter((other) => other.requestId !== entry.requestId);
    this.report();
  }

  private async unkeep(entry: Entry): Promise<void> {
    await within(PATIENCE, this.storage.remove(entry.requestId)).catch(() => undefined);
  }

  private async pause(trouble: OutboxState["trouble"]): Promise<void> {
    this.trouble = trouble;
    this.report();
    if (this.nudged) return;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      setTimeout(resolve, this.wait);
    });
    this.wake = null;
    this.wait = Math.min(LONGEST_WAIT, this.wait * 2);
  }

  private untroubled(): void {
    this.wait = FIRST_WAIT;
    if (this.trouble === "none") return;
    this.trouble = "none";
    this.report();
  }

  private report(): void {
    const loose = this.entries.filter((entry) => this.unstorable.has(entry.requestId)).length;
    const trouble = this.entries.length > 0 ? this.trouble : "none";
    this.events.changed({ pending: this.entries.length, trouble, loose });
  }
}

/** What a promise brings, if it brings it within `ms`. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Whether a refusal may be about the map that a selection names. */
function isAboutMap(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 404 || error.status === 409);
}
