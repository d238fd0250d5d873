import { writable } from "svelte/store";
import { api, reasonOf, type SuggestionInfo } from "../api/client";
import { Selection } from "../labels/selection";
import type { Saying } from "./saying";
import type { Selecting } from "./selecting";

/** One group to label next, and its place in the list. */
export interface Suggestion extends SuggestionInfo {
  place: number;
}

/** What to label next: groups that the server suggests, gone through one after another. */
export class Suggesting {
  readonly list = writable<readonly Suggestion[]>([]);
  /** The suggestion that is selected; -1: none. */
  readonly at = writable(-1);
  /** Whether the server is asked. */
  readonly asking = writable(false);
  /** Called after a suggestion has been selected: fly there. */
  onSelected: () => void = () => undefined;

  private known: Suggestion[] = [];
  private items: { ids: Uint32Array; places: Int32Array } = { ids: new Uint32Array(0), places: new Int32Array(0) };
  private place = -1;
  /** The labels that the list was made for; -1: none. */
  private seq = -1;

  constructor(
    private readonly selecting: Selecting,
    private readonly saying: Saying,
    private readonly labelSeq: () => number,
  ) {}

  /** Fetch the suggestions for the labels as they are now. */
  async refresh(): Promise<void> {
    const seq = this.labelSeq();
    if (seq === this.seq) return;
    this.asking.set(true);
    const [list, items] = await Promise.all([api.suggestions(), api.suggested()]).finally(() => this.asking.set(false));
    if (list.reduce((sum, one) => sum + one.count, 0) !== items.ids.length) return; // labels came in between
    this.seq = seq;
    this.items = items;
    this.known = list.map((one, place) => ({ ...one, place }));
    this.place = -1;
    this.list.set(this.known);
    this.at.set(-1);
  }

  /** Select the next suggestion, and fly there; after the last the first comes again. */
  async next(): Promise<void> {
    const say = this.saying.begin();
    try {
      await this.refresh();
    } catch (error) {
      return say(reasonOf(error), "problem");
    }
    if (this.known.length === 0) return say("Nothing to suggest: no group is left unlabelled.", "done");
    this.select((this.place + 1) % this.known.length);
  }

  /** Select the suggestion at this place of the list. */
  select(place: number): void {
    this.place = place;
    this.at.set(place);
    this.selecting.select(Selection.of(this.items.ids.filter((_, index) => this.items.places[index] === place)));
    this.onSelected();
  }
}
