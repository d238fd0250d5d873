import { get, writable } from "svelte/store";
import { reasonOf } from "../api/client";
import type { MapQuality } from "../look/api";

/** What is known of a map: nothing yet, why nothing can be, or the numbers. */
export type Judgement = { kind: "waiting" } | { kind: "failed"; why: string } | { kind: "known"; quality: MapQuality };

/** Asks how good a map is; the numbers before stay until the new ones come. */
export class Judging {
  readonly now = writable<Judgement>({ kind: "waiting" });
  readonly asking = writable(false);
  private turn = 0;

  constructor(private readonly ask: (map: number) => Promise<MapQuality>) {}

  /** Ask about a map; where another is asked about meanwhile, this answer is dropped. */
  async judge(map: number): Promise<void> {
    const turn = (this.turn += 1);
    this.asking.set(true);
    if (get(this.now).kind === "failed") this.now.set({ kind: "waiting" });
    const found = await this.ask(map).then(
      (quality): Judgement => ({ kind: "known", quality }),
      (error: unknown): Judgement => ({ kind: "failed", why: reasonOf(error) }),
    );
    if (turn !== this.turn) return;
    this.now.set(found);
    this.asking.set(false);
  }
}
