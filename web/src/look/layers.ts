import { get, type Readable, writable } from "svelte/store";
import type { State } from "../api/client";
import { layerText } from "../jobs/words";
import { type LayerInfo, lookApi } from "./api";

/** Shows a map by its id, or (null) the one that is current for everybody. */
export type ShowMap = (map: number | null) => void;

/** Which layer's map is on show: each is drawn once, by a job, and kept. */
export class Layers {
  /** Early to late. */
  readonly known = writable<readonly LayerInfo[]>([]);
  /** The layer on show. */
  readonly shown = writable<string | null>(null);
  /** The layer whose map is being drawn. */
  readonly drawing = writable<string | null>(null);
  /** The layer that is shown beside, or null. */
  readonly beside = writable<string | null>(null);

  private wanted: string | null = null;
  /** The layer that was beside last. */
  private compared: string | null = null;
  private current: number | null = null;
  private before = "";

  constructor(
    private readonly state: Readable<State | null>,
    onShow: Readable<{ map: number | null }>,
    private readonly show: ShowMap,
    private readonly refresh: () => Promise<void>,
    private readonly problem: (text: string) => void,
  ) {
    state.subscribe((now) => void this.follow(now));
    onShow.subscribe(({ map }) => {
      const layer = get(this.known).find((one) => one.map?.id === map)?.name;
      if (layer && get(this.drawing) === null) this.shown.set(layer);
    });
  }

  /** Show a layer's map; where there is none yet, have it drawn and show it then. */
  async choose(name: string): Promise<void> {
    this.wanted = name;
    this.shown.set(name);
    const map = this.mapOf(name);
    if (map !== null) return this.display(map);
    await this.draw(name);
  }

  /** Show a layer beside, drawn where it has to be; null: none. */
  async compare(name: string | null): Promise<void> {
    this.compared = name ?? this.compared;
    this.beside.set(name);
    if (name !== null && this.mapOf(name) === null) await this.draw(name);
  }

  /** The id of a layer's map, null where there is none yet. */
  mapOf(name: string | null): number | null {
    return get(this.known).find((one) => one.name === name)?.map?.id ?? null;
  }

  /** Go one layer later (1) or earlier (-1). */
  step(by: 1 | -1): void {
    const next = this.from(get(this.shown), by);
    if (next !== null && next !== get(this.shown)) void this.choose(next);
  }

  /** The layer after this one or before it; at the ends it stays. */
  private from(name: string | null, by: 1 | -1): string | null {
    const known = get(this.known);
    const place = known.findIndex((one) => one.name === name);
    return known[Math.min(known.length - 1, Math.max(0, place + by))]?.name ?? null;
  }

  /** Show beside what was there last, or else the earliest other layer; where one is beside, show none. */
  async turnBeside(): Promise<void> {
    if (get(this.beside) !== null) return this.compare(null);
    if (get(this.known).length === 0) this.known.set(await lookApi.layers());
    const others = get(this.known).filter(({ name }) => name !== get(this.shown));
    const chosen = others.find(({ name }) => name === this.compared) ?? others[0];
    if (chosen) return this.compare(chosen.name);
    this.problem("There is no other layer to show beside.");
  }

  /** Go one layer later (1) or earlier (-1) beside. */
  stepBeside(by: 1 | -1): void {
    const beside = get(this.beside);
    if (beside === null) return this.problem("Nothing is beside: show another layer there first.");
    const next = this.from(beside, by);
    if (next !== beside) void this.compare(next);
  }

  private async draw(name: string): Promise<void> {
    if (get(this.drawing) !== null) return; // the next one is asked for when this one is there
    this.drawing.set(name);
    try {
      await lookApi.drawLayer(name);
    } catch (error) {
      this.fail(error instanceof Error ? error.message : String(error));
    }
    await this.refresh();
  }

  private fail(why: string): void {
    this.drawing.set(null);
    this.wanted = null;
    this.beside.update((name) => (this.mapOf(name) === null ? null : name));
    this.shown.set(get(this.state)?.map?.layer ?? null);
    this.problem(why);
  }

  private display(map: number): void {
    this.show(map === get(this.state)?.map?.id ? null : map);
  }

  /** A new current map is what everybody sees now; a job that has ended has drawn what was asked for. */
  private async follow(state: State | null): Promise<void> {
    if (!state) return;
    const seen = `${state.map?.id} ${state.job?.id} ${state.job?.state} ${state.layers.length}`;
    if (seen === this.before) return;
    this.before = seen;
    try {
      this.known.set(await lookApi.layers());
    } catch {
      this.before = ""; // the next state tries again
      return;
    }
    if (state.map && state.map.id !== this.current) {
      this.current = state.map.id;
      this.wanted = null;
      this.shown.set(state.map.layer);
      this.show(null);
    }
    const { job } = state;
    const drawing = get(this.drawing);
    if (drawing === null || job?.kind !== "layer_map" || job.state === "running" || job.state === "queued") return;
    if (this.mapOf(drawing) === null) return this.fail(undrawn(drawing, job));
    this.drawing.set(null);
    const next = [this.wanted, get(this.beside)].find((name) => name !== null && this.mapOf(name) === null);
    if (this.wanted !== null && this.mapOf(this.wanted) !== null) this.display(this.mapOf(this.wanted)!);
    if (next) await this.draw(next);
  }
}

/** Why a layer has no map: somebody stopped the drawing, or it went wrong. */
function undrawn(layer: string, { state, message }: NonNullable<State["job"]>): string {
  if (state === "cancelled") return `Stopped: the map of ${layerText(layer)} was not drawn.`;
  return `The map of ${layerText(layer)} was not drawn: ${message}`;
}
