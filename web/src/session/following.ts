import { derived, get, type Readable, type Writable, writable } from "svelte/store";
import { Changes } from "../api/changes";
import { remedy, speakFor, type State } from "../api/client";
import type { MapPoints } from "../api/columns";
import { takePoints, takeState } from "../api/early";
import type { Facts } from "../items/facts";
import type { Scene } from "../map/scene";
import type { Labelling } from "./labelling";

/** Whether the server answers, knows us, and serves the workspace that this page shows. */
export type Connection = "connecting" | "ok" | "lost" | "locked" | "elsewhere";

/** Keeps the page where the server is: the state, the labels and the map are fetched when they change. */
export class Following {
  readonly connection = writable<Connection>("connecting");
  readonly busy: Readable<boolean>;
  /** The map on show, and the one before it. */
  readonly shown = writable<{ map: number | null; before: number | null }>({ map: null, before: null });
  /** The map that is shown instead of the current one. */
  readonly aside = writable<number | null>(null);
  scene: Scene | null = null;

  /** The workspace that this page shows, for as long as it lives. */
  private workspace = "";
  /** The job that was the last to end, as of the state before; undefined: not known yet. */
  private lastEnded: number | null | undefined;
  private readonly changes: Changes;

  constructor(
    private readonly state: Writable<State | null>,
    private readonly labelling: () => Labelling,
    private readonly facts: Facts,
  ) {
    this.busy = derived(state, isAlive);
    this.changes = new Changes(
      () => this.refresh(),
      () => (isAlive(get(state)) ? 2_000 : 5_000),
    );
  }

  start(): void {
    this.changes.start();
  }

  stop(): void {
    this.changes.stop();
  }

  /** Ask the server now. */
  now(): Promise<void> {
    return this.changes.now();
  }

  /** Show this map until another is asked for; null: the one that is current for everybody. */
  view(map: number | null): void {
    if (map === get(this.aside)) return;
    this.aside.set(map);
    void this.now();
  }

  /** Show the map that was shown before; false where there was none. */
  flip(): boolean {
    const { before } = get(this.shown);
    if (before !== null) this.view(before === get(this.state)?.map?.id ? null : before);
    return before !== null;
  }

  /** Fetch the state, and what it says is new. */
  private async refresh(): Promise<void> {
    const labelling = this.labelling();
    try {
      const seen = await labelling.look();
      const state = await takeState();
      if (!this.isOurs(state.workspace_id)) return;
      this.connection.set("ok");
      const wanted = get(this.aside) ?? state.map?.id ?? null;
      // The largest answer is asked for first; what goes wrong with it is heard where it is waited for.
      const points = wanted !== null && wanted !== this.scene?.newest ? takePoints(wanted) : null;
      points?.catch(() => undefined);
      await Promise.all([labelling.open(state.workspace_id), labelling.fetch(state.label_seq)]);
      this.state.set(state);
      labelling.follow(seen);
      this.noteEnded(state);
      if (wanted !== null && points) this.showMap(wanted, await points);
    } catch (error) {
      // A refusal is a map that has just been replaced: the next state names the newer one.
      const answer = remedy(error);
      if (answer === "refused") this.aside.set(null);
      if (answer !== "refused") this.connection.set(answer === "reopen" ? "locked" : "lost");
    }
  }

  /** Whether the server serves what this page shows. Where not, the page begins anew, unless gestures were lost by
   * that: they wait for their own workspace. */
  private isOurs(workspaceId: string): boolean {
    if (this.workspace === "") speakFor((this.workspace = workspaceId));
    if (this.workspace === workspaceId) return true;
    this.connection.set("elsewhere");
    if (this.labelling().safe) location.reload();
    return false;
  }

  private showMap(id: number, points: MapPoints): void {
    this.scene?.setMap(id, points);
    this.shown.update(({ map }) => ({ map: id, before: map }));
  }

  /** When a job has ended, files that changed have new pictures and facts. */
  private noteEnded(state: State): void {
    if (isAlive(state)) return;
    const ended = state.job?.id ?? null;
    if (this.lastEnded !== undefined && ended !== this.lastEnded) {
      this.scene?.renewPictures();
      this.facts.forget();
    }
    this.lastEnded = ended;
  }
}

function isAlive(state: State | null): boolean {
  return state?.job?.state === "running" || state?.job?.state === "queued";
}
