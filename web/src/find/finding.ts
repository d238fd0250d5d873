import { writable } from "svelte/store";
import { reasonOf } from "../api/client";
import { Missed } from "../api/missed";
import { type FindKind, type Found, lookApi } from "../look/api";
import type { Selection } from "../labels/selection";
import type { Mode } from "../session/selecting";
import { plural } from "../ui/format";

export type Question = "similar" | "grow" | "beyond" | FindKind;

/** A part of what was found, under a line of text. */
export interface Section {
  title: string;
  ids: Uint32Array;
  /** What stands at each item, by its place. */
  notes: readonly string[];
  /** Whether these are of the selection that was asked about. */
  inside?: boolean;
}

/** What was asked and what came of it. */
export interface Result {
  question: Question;
  /** What it is about, in a sentence. */
  says: string;
  sections: readonly Section[];
}

/** What taking a part of what was found does to the selection: all of it is selected or, of copies, all but the one to
 * keep; what belongs is added, and strangers go. */
export function taking({ question }: Result, section: Section): { ids: Uint32Array; mode: Mode; does: string } {
  if (question === "duplicates")
    return { ids: section.ids.filter((_, place) => section.notes[place] !== "keep"), mode: "new", does: "Select others" };
  if (question !== "beyond") return { ids: section.ids, mode: "new", does: "Select all" };
  return section.inside ? { ids: section.ids, mode: "remove", does: "Take them out" } : { ids: section.ids, mode: "add", does: "Add them" };
}

const SIMILAR = 200;

/** Asks for look-alikes, duplicates, outliers and odd ones, one question at a time. */
export class Finding {
  readonly result = writable<Result | null>(null);
  readonly asking = writable<Question | null>(null);
  readonly trouble = writable<string | null>(null);
  readonly missed = new Missed(() => this.again());
  private turn = 0;
  /** Asks what was asked last. */
  private last: (() => Promise<void>) | null = null;

  /** What is most alike to some items. */
  similar(of: Selection, what: string): Promise<void> {
    return this.ask("similar", async () => {
      const { ids, scores } = await lookApi.similar(of.wire(), of.count === 1 ? "mean" : "max", SIMILAR);
      return { says: `Most alike to ${what}, likeliest first.`, sections: [{ title: "Look-alikes", ids, notes: percent(scores) }] };
    });
  }

  /** The look-alikes that a selection would grow by: a quarter of it, ten at least. */
  async grown(of: Selection): Promise<Uint32Array> {
    const count = Math.min(10_000, Math.max(10, Math.round(of.count / 4)));
    return (await lookApi.similar(of.wire(), "max", count)).ids;
  }

  /** What a selection missed, and what it took by mistake. */
  beyond(of: Selection, map: number): Promise<void> {
    return this.ask("beyond", async () => {
      const { ids, numbers, scores, trust } = await lookApi.beyond(of.wire(), map);
      const part = (inside: number): { ids: Uint32Array; notes: string[] } => ({
        ids: ids.filter((_, place) => numbers[place] === inside),
        notes: percent(scores.filter((_, place) => numbers[place] === inside)),
      });
      return {
        says: trustSentence(trust),
        sections: [
          { title: "Outside, but belong", ...part(0) },
          { title: "Inside, but do not belong", inside: true, ...part(1) },
        ],
      };
    });
  }

  /** Near-duplicates: group by group, the one to keep first. */
  duplicates(): Promise<void> {
    return this.ask("duplicates", async () => {
      const found = await lookApi.find("duplicates");
      const parts = groups(found);
      const spare = found.ids.length - parts.length;
      const says =
        parts.length === 0
          ? "No two pictures are nearly the same."
          : `${plural(parts.length, "group")} of pictures that are nearly the same: ${plural(spare, "picture")} more than needed. The largest of each comes first.`;
      return { says, sections: [{ title: "Near-duplicates", ids: found.ids, notes: parts.flatMap(({ notes }) => ["keep", ...notes.slice(1)]) }] };
    });
  }

  outliers(): Promise<void> {
    return this.ask("outliers", async () => {
      const { ids, scores } = await lookApi.find("outliers");
      const says = ids.length === 0 ? "Nothing lies far from everything else." : "Unlike everything else, the loneliest first.";
      return { says, sections: [{ title: "Outliers", ids, notes: [...scores].map((z) => `${z.toFixed(1)} σ`) }] };
    });
  }

  /** Labels that the neighbours contradict; `nameOf` a class. */
  odd(nameOf: (classId: number) => string): Promise<void> {
    return this.ask("odd", async () => {
      const { ids, numbers, scores } = await lookApi.find("odd");
      const says =
        ids.length === 0
          ? "No label contradicts its neighbours (two classes and a few labels are needed)."
          : `${plural(ids.length, "label")} that the neighbours contradict; under each, what they are called.`;
      return { says, sections: [{ title: "Odd ones", ids, notes: [...numbers].map((of, place) => `${nameOf(of)} ${Math.round(100 * scores[place]!)}\u00a0%`) }] };
    });
  }

  clear(): void {
    this.turn += 1;
    this.missed.forget();
    this.asking.set(null);
    this.result.set(null);
    this.trouble.set(null);
  }

  /** Ask the last question again. */
  again(): void {
    void this.last?.();
  }

  private async ask(question: Question, find: () => Promise<Omit<Result, "question">>): Promise<void> {
    const turn = (this.turn += 1);
    this.last = () => this.ask(question, find);
    this.asking.set(question);
    this.trouble.set(null);
    try {
      const found = await this.missed.watch(find());
      if (turn === this.turn) this.result.set({ question, ...found });
    } catch (error) {
      if (turn !== this.turn) return;
      this.trouble.set(reasonOf(error));
    }
    if (turn === this.turn) this.asking.set(null);
  }
}

function percent(shares: Float32Array): string[] {
  return [...shares].map((share) => `${Math.round(100 * share)} %`);
}

/** Say how far the map can be trusted, in words. */
export function trustSentence(trust: number): string {
  const share = `${Math.round(100 * trust)} %`;
  if (trust >= 0.95) return `The map tells the truth here (${share}): what lies near each other is alike.`;
  if (trust >= 0.85) return `The map is mostly right here (${share}): a few neighbours on it are not alike.`;
  return `The map lies here (${share}): flattened to two dimensions, unlike pictures have come to lie together.`;
}

/** Cut groups apart: the numbers say which. */
export function groups({ ids, numbers, scores }: Found): { ids: Uint32Array; notes: string[] }[] {
  const found: { ids: Uint32Array; notes: string[] }[] = [];
  for (let from = 0; from < ids.length; ) {
    let to = from + 1;
    while (to < ids.length && numbers[to] === numbers[from]) to += 1;
    found.push({ ids: ids.slice(from, to), notes: percent(scores.slice(from, to)) });
    from = to;
  }
  return found;
}
