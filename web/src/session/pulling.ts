import { get, type Readable, writable } from "svelte/store";
import { api, type State } from "../api/client";
import { Selection } from "../labels/selection";
import { plural } from "../ui/format";
import type { Saying } from "./saying";
import type { Selecting } from "./selecting";

/** Two groups pulled apart: one is kept, the other selected, then the map forms along what tells them apart. */
export class Pulling {
  /** The first group, once it is kept. */
  readonly first = writable<Selection | null>(null);

  /** `ask` asks the server and says so where it refuses. */
  constructor(
    private readonly state: Readable<State | null>,
    private readonly selecting: Selecting,
    private readonly saying: Saying,
    private readonly ask: (request: () => Promise<unknown>) => Promise<void>,
  ) {}

  /** Keep the selection as the first group; with one kept, pull the selection away from it; else go back. */
  step(): void {
    const first = get(this.first);
    const selection = get(this.selecting.selection);
    if (selection.isEmpty) {
      this.first.set(null);
      if (!first) this.back();
      return;
    }
    if (!first) {
      this.first.set(selection);
      this.selecting.select(Selection.EMPTY);
      return this.saying.say(`${plural(selection.count, "item")} kept: now select the group to pull away from them`, "done");
    }
    this.first.set(null);
    this.saying.say("Left lies the first group, right the second. The same key leads back.", "done");
    void this.ask(() => api.pullApart({ a: first.wire(), b: selection.wire() }));
    this.selecting.select(Selection.EMPTY);
  }

  /** Show the map again from which two groups were pulled apart. */
  private back(): void {
    const map = get(this.state)?.map;
    if (map?.projector === "apart" && map.parent !== null) void this.ask(() => api.chooseMap(map.parent!));
    else this.saying.say("Nothing is selected: select a group, then another, to pull them apart.", "problem");
  }
}
