import { derived, get, type Readable, writable } from "svelte/store";
import { reasonOf, type State } from "../api/client";
import { layerText } from "../jobs/words";
import type { Say, Saying } from "../session/saying";
import { type LayerInfo, lookApi } from "./api";

/** Shows a map by its id, or (null) the one that is current for everybody. */
export type ShowMap = (map: number | null) => void;

/** What made a map that is no layer's own, and what its stop on the slider is called. */
const OWN: Readonly<Record<string, string>> = { round: "as learned", apart: "pulled apart" };

/** Where the slider stops: at every layer, and at the current map. What a round learned or a pull drew is a stop of its
 * own, after the layer that it was made of, whose own map stays; any other current map stands for its layer. */
export function stops(layers: readonly LayerInfo[], now: Pick<State, "map" | "round"> | null): readonly LayerInfo[] {
  const map = now?.map;
  if (!map || layers.some((one) => one.map?.id === map.id)) return layers;
  const at = layers.findIndex(({ name }) => name === map.layer);
  const name = OWN[map.projector];
  if (name === undefined) return layers.map((one, place) => (place === at ? { ...one, map } : one));
  const { round } = now;
  const sees = map.projector === "apart" ? "what tells two groups apart" : `the map of ${round?.map_id === map.id ? `round ${round.id}` : "a round"}`;
  const after = at < 0 ? layers.length : at + 1;
  return [...layers.slice(0, after), { name, width: layers[at]?.width ?? 0, sees, map }, ...layers.slice(after)];
}

/** Which layer's map is on show: each is drawn once, by a job, and kept. */
export class Layers {
  /** Where the slider stops, early to late. */
  readonly known: Readable<readonly LayerInfo[]>;
  /** The stop that is on show or on its way; null: a map that is no stop, one from before. */
  readonly shown: Readable<string | null>;
  /** The layer whose map is being drawn. */
  readonly drawing = writable<string | null>(null);
  /** The layer that is shown beside, or null. */
  readonly beside = writable<string | null>(null);

  private readonly layers = writable<readonly LayerInfo[]>([]);
  /** What is to be shown once it is drawn. */
  private readonly wanted = writable<string | null>(null);
  /** The layer that was beside last. */
  private compared: string | null = null;
  /** Says how the drawing goes that was asked for last. */
  private say: Say = () => undefined;
  private current: number | null = null;
  private before = "";

  /** `aside` is the map that is shown instead of the current one; null: none is. */
  constructor(
    private readonly state: Readable<State | null>,
    aside: Readable<number | null>,
    private readonly show: ShowMap,
    private readonly refresh: () => Promise<void>,
    private readonly saying: Saying,
  ) {
    this.known = derived([this.layers, state], ([layers, now]) => stops(layers, now));
    this.shown = derived([this.known, state, aside, this.wanted], ([known, now, map, wanted]) => wanted ?? nameOf(known, map ?? now?.map?.id));
    state.subscribe((now) => void this.follow(now));
  }

  /** Show a layer's map; where there is none yet, have it drawn and show it then. */
  async choose(name: string): Promise<void> {
    const map = this.mapOf(name);
    this.wanted.set(map === null ? name : null);
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

  /** Go one layer later (1) or earlier (-1); from a map that is no stop, back to the current one. */
  step(by: 1 | -1): void {
    const shown = get(this.shown);
    const next = shown === null ? nameOf(get(this.known), get(this.state)?.map?.id) : this.from(shown, by);
    if (next !== null && next !== shown) void this.choose(next);
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
    const say = this.saying.begin();
    try {
      if (get(this.known).length === 0) this.layers.set(await lookApi.layers());
    } catch (error) {
      return say(reasonOf(error), "problem");
    }
    const others = get(this.known).filter(({ name }) => name !== get(this.shown));
    const chosen = others.find(({ name }) => name === this.compared) ?? others[0];
    if (chosen) return this.compare(chosen.name);
    say("There is no other layer to show beside.", "problem");
  }

  /** Go one layer later (1) or earlier (-1) beside. */
  stepBeside(by: 1 | -1): void {
    const beside = get(this.beside);
    if (beside === null) return this.saying.say("Nothing is beside: show another layer there first.", "problem");
    const next = this.from(beside, by);
    if (next !== beside) void this.compare(next);
  }

  private async draw(name: string, say = this.saying.begin()): Promise<void> {
    this.say = say;
    if (get(this.drawing) !== null) return; // the next one is asked for when this one is there
    this.drawing.set(name);
    try {
      await lookApi.drawLayer(name);
    } catch (error) {
      this.fail(reasonOf(error));
    }
    await this.refresh();
  }

  private fail(why: string): void {
    this.drawing.set(null);
    this.wanted.set(null);
    this.beside.update((name) => (this.mapOf(name) === null ? null : name));
    this.say(why, "problem");
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
      this.layers.set(await lookApi.layers());
    } catch {
      this.before = ""; // the next state tries again
      return;
    }
    if (state.map && state.map.id !== this.current) {
      this.current = state.map.id;
      this.wanted.set(null);
      this.show(null);
    }
    const beside = get(this.beside);
    if (beside !== null && !get(this.known).some(({ name }) => name === beside)) this.beside.set(null); // its round is over
    const { job } = state;
    const drawing = get(this.drawing);
    if (drawing === null || job?.kind !== "layer_map" || job.state === "running" || job.state === "queued") return;
    if (this.mapOf(drawing) === null) return this.fail(undrawn(drawing, job));
    this.drawing.set(null);
    const wanted = get(this.wanted);
    if (wanted !== null && this.mapOf(wanted) !== null) {
      this.wanted.set(null);
      this.display(this.mapOf(wanted)!);
    }
    const next = [wanted, beside].find((name) => name !== null && this.mapOf(name) === null);
    if (next) await this.draw(next, this.say);
  }
}

/** The stop that has this map; null where none has. */
function nameOf(known: readonly LayerInfo[], map: number | undefined): string | null {
  return known.find((one) => map !== undefined && one.map?.id === map)?.name ?? null;
}

/** Why a layer has no map: somebody stopped the drawing, or it went wrong. */
function undrawn(layer: string, { state, message }: NonNullable<State["job"]>): string {
  if (state === "cancelled") return `Stopped: the map of ${layerText(layer)} was not drawn.`;
  return `The map of ${layerText(layer)} was not drawn: ${message}`;
}
