import { type LabelResult, remedy } from "../api/client";
import type { Entry, Storage } from "./storage";

/** How the outbox stands, as the page says it. */
export interface OutboxState {
  /** How many gestures the server has not confirmed. */
  pending: number;
  /** Why they wait, if they wait: the server does not answer, or wants the page opened anew. */
  trouble: "none" | "unreachable" | "reopen";
}

export interface OutboxEvents {
  changed: (state: OutboxState) => void;
  /** The server has it; resolves when the page shows the server's truth, before the optimistic picture goes. */
  confirmed: (entry: Entry, result: LabelResult) => Promise<void>;
  /** The server said no: the gesture is taken back. */
  refused: (entry: Entry, reason: string) => void;
}

const FIRST_WAIT = 500;
const LONGEST_WAIT = 8_000;

/** Keeps every gesture until the server confirms it, and sends them one after another in their order. */
export class Outbox {
  private entries: Entry[] = [];
  private trouble: OutboxState["trouble"] = "none";
  private draining = false;
  private wait = FIRST_WAIT;
  private wake: (() => void) | null = null;

  private constructor(
    private readonly storage: Storage,
    private readonly workspace: string,
    private readonly send: (path: string, body: object) => Promise<LabelResult>,
    private readonly events: OutboxEvents,
  ) {}

  /** Open the outbox of a workspace with what an earlier visit left in it, and go on sending. */
  static async open(
    storage: Storage,
    workspace: string,
    send: (path: string, body: object) => Promise<LabelResult>,
    events: OutboxEvents,
  ): Promise<Outbox> {
    const outbox = new Outbox(storage, workspace, send, events);
    outbox.entries = (await storage.all()).filter((entry) => entry.workspace === workspace);
    outbox.report();
    void outbox.drain();
    return outbox;
  }

  /** The gestures that the server has not confirmed, in order. */
  get waiting(): readonly Entry[] {
    return this.entries;
  }

  /** Keep a gesture, then send it. */
  async add(gesture: Omit<Entry, "order" | "workspace">): Promise<void> {
    const order = Math.max(Date.now(), (this.entries.at(-1)?.order ?? 0) + 1);
    const entry = { ...gesture, order, workspace: this.workspace };
    this.entries = [...this.entries, entry];
    this.report();
    // A browser that keeps nothing must not keep the gesture from being sent.
    await this.storage.put(entry).catch(() => undefined);
    void this.drain();
  }

  /** Try again at once: the server has been heard of. */
  nudge(): void {
    this.wake?.();
  }

  private async drain(): Promise<void> {
    if (this.draining) return;
    this.draining = true;
    while (this.entries.length > 0) await this.deliver(this.entries[0]!);
    this.draining = false;
  }

  private async deliver(entry: Entry): Promise<void> {
    try {
      const result = await this.send(entry.path, entry.body);
      this.setTrouble("none");
      this.wait = FIRST_WAIT;
      await this.events.confirmed(entry, result);
    } catch (error) {
      const answer = remedy(error);
      if (answer !== "refused") return this.pause(answer === "reopen" ? "reopen" : "unreachable");
      this.events.refused(entry, error instanceof Error ? error.message : String(error));
    }
    await this.forget(entry);
  }

  private async forget(entry: Entry): Promise<void> {
    this.entries = this.entries.filter((other) => other.requestId !== entry.requestId);
    await this.storage.remove(entry.requestId).catch(() => undefined);
    this.report();
  }

  private async pause(trouble: OutboxState["trouble"]): Promise<void> {
    this.setTrouble(trouble);
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      setTimeout(resolve, this.wait);
    });
    this.wake = null;
    this.wait = Math.min(LONGEST_WAIT, this.wait * 2);
  }

  private setTrouble(trouble: OutboxState["trouble"]): void {
    this.trouble = trouble;
    this.report();
  }

  private report(): void {
    this.events.changed({ pending: this.entries.length, trouble: this.trouble });
  }
}
