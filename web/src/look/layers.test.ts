import { get, writable } from "svelte/store";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { State } from "../api/client";
import { Saying } from "../session/saying";
import { type LayerInfo, lookApi } from "./api";
import { Layers, stops } from "./layers";

const map = (id: number, layer: string, projector = "tsne"): NonNullable<State["map"]> => ({
  id,
  items: 9,
  projector,
  layer,
  parent: null,
  final: true,
  created: 0,
});
const layer = (name: string, drawn: LayerInfo["map"]): LayerInfo => ({ name, width: 8, sees: "", map: drawn });
const early = layer("early", map(4, "early"));
const late = layer("late", map(5, "late"));
const head = layer("head of round 3", null);
const round = { id: 3, map_id: 7 } as NonNullable<State["round"]>;
const said = (all: readonly LayerInfo[]): unknown[] => all.map((one) => [one.name, one.map?.id ?? null]);

describe("the slider's stops", () => {
  test("are the layers, where the current map is one's own", () => {
    const layers = [early, late];
    expect(stops(layers, { map: late.map, round: null })).toBe(layers);
    expect(stops(layers, null)).toBe(layers);
  });

  test("what a round learned is one of its own, after its layer, whose own map stays", () => {
    const all = stops([early, late, head], { map: map(7, "late", "round"), round });
    expect(said(all)).toEqual([["early", 4], ["late", 5], ["as learned", 7], ["head of round 3", null]]);
    expect(all[2]!.sees).toBe("the map of round 3");
    expect(said(stops([early, late], { map: map(8, "gone", "apart"), round: null })).at(-1)).toEqual(["pulled apart", 8]);
  });

  test("any other current map stands for its layer", () => {
    const all = stops([early, layer("late", null)], { map: map(9, "late", "pca"), round: null });
    expect(said(all)).toEqual([["early", 4], ["late", 9]]);
  });
});

describe("layers", () => {
  afterEach(() => void vi.restoreAllMocks());

  test("one step back and one forth is where it was, and what is on show is named", async () => {
    vi.spyOn(lookApi, "layers").mockResolvedValue([early, late, head]);
    const state = writable<State | null>({ map: map(7, "late", "round"), round, job: null, layers: [] } as unknown as State);
    const aside = writable<number | null>(null);
    const layers = new Layers(state, aside, (shown) => aside.set(shown), async () => undefined, new Saying());
    await vi.waitFor(() => expect(get(layers.shown)).toBe("as learned"));
    layers.step(-1);
    expect([get(layers.shown), get(aside)]).toEqual(["late", 5]);
    layers.step(-1);
    expect([get(layers.shown), get(aside)]).toEqual(["early", 4]);
    layers.step(1);
    layers.step(1);
    expect([get(layers.shown), get(aside)]).toEqual(["as learned", null]);
    layers.step(-1);
    aside.set(null); // flipped
    expect(get(layers.shown)).toBe("as learned");
    aside.set(6); // a map from before that is no layer's
    expect(get(layers.shown)).toBe(null);
    layers.step(-1);
    expect([get(layers.shown), get(aside)]).toEqual(["as learned", null]);
  });

  test("who asks for a map beside while the server is away is told, and nothing is beside", async () => {
    vi.spyOn(lookApi, "layers").mockRejectedValue(new Error("The server does not answer."));
    const saying = new Saying();
    const layers = new Layers(writable<State | null>(null), writable(null), () => undefined, async () => undefined, saying);
    await layers.turnBeside();
    expect(get(saying.notice)?.text).toBe("The server does not answer.");
    expect(get(layers.beside)).toBe(null);
  });

  test("what goes wrong with a drawing late replaces nothing that was said meanwhile, and is said then", async () => {
    const undrawn = layer("early", null);
    vi.spyOn(lookApi, "layers").mockResolvedValue([undrawn, layer("middle", null), late]);
    const drawLayer = vi.spyOn(lookApi, "drawLayer").mockResolvedValue(undefined);
    const saying = new Saying();
    const now = (job: object | null): State => ({ map: late.map, round: null, job, layers: [] }) as unknown as State;
    const state = writable<State | null>(now(null));
    const layers = new Layers(state, writable(null), () => undefined, async () => undefined, saying);
    await vi.waitFor(() => expect(get(layers.known).length).toBe(3));
    const said = (): string | undefined => get(saying.notice)?.text;
    await layers.choose("early");
    saying.say("Labelled 3 items", "done");
    state.set(now({ id: 1, kind: "layer_map", state: "cancelled" }));
    await vi.waitFor(() => expect(get(layers.drawing)).toBe(null));
    expect(said()).toBe("Labelled 3 items");
    saying.hush();
    expect(said()).toBe("Stopped: the map of layer early was not drawn.");
    saying.hush();
    drawLayer.mockImplementation(async () => {
      saying.say("Labelled 4 items", "done");
      throw new Error("no room for another job");
    });
    await layers.compare("middle");
    expect(said()).toBe("Labelled 4 items");
    saying.hush();
    expect(said()).toBe("no room for another job");
  });
});
