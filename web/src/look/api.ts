import { binary, json, type Selection } from "../api/client";
import { floats, integers, itemIds, readColumns } from "../api/columns";
import type { components } from "../api/schema.gen";
import type { WireFilter } from "./filters";

type Schemas = components["schemas"];
export type ColumnInfo = Schemas["ColumnInfo"];
export type LayerInfo = Schemas["LayerInfo"];
export type MapQuality = Schemas["MapQuality"];
export type Gesture = Schemas["Gesture"];
export type FindKind = Schemas["FindRequest"]["kind"];

/** Items that were found, best first: what the number says depends on what was asked for. */
export interface Found {
  ids: Uint32Array;
  numbers: Int32Array;
  scores: Float32Array;
}

/** The addresses of the server that looking and finding need, one function each. */
export const lookApi = {
  columns: () => json<ColumnInfo[]>("/api/columns"),
  categories: (column: number) => json<string[]>(`/api/columns/${column}/categories`),
  values: async (column: number): Promise<Float32Array> =>
    floats(readColumns((await binary(`/api/columns/${column}`)).buffer, 1), 0),
  passing: async (filter: WireFilter): Promise<Uint32Array> =>
    itemIds(readColumns((await binary("/api/passing", filter)).buffer, 1), 0),
  layers: () => json<LayerInfo[]>("/api/layers"),
  drawLayer: (layer: string) => json<unknown>("/api/jobs", { kind: "layer_map", parameters: { layer } }),
  quality: (map: number) => json<MapQuality>(`/api/maps/${map}/quality`),
  history: () => json<Gesture[]>("/api/history?limit=1000"),
  similar: async (selection: Selection, how: "mean" | "max", count: number): Promise<Found> => {
    const columns = readColumns((await binary("/api/similar", { selection, how, count })).buffer, 2);
    return { ids: itemIds(columns, 0), numbers: new Int32Array(columns.n), scores: floats(columns, 1) };
  },
  find: async (kind: FindKind): Promise<Found> => threeColumns((await binary("/api/find", { kind })).buffer),
  /** The numbers are 1 for a stranger inside and 0 for one outside that belongs. */
  beyond: async (selection: Selection, map: number): Promise<Found & { trust: number }> => {
    const { buffer, header } = await binary("/api/beyond", { selection, map_id: map }, "X-Shoal-Trust");
    return { ...threeColumns(buffer), trust: Number(header ?? 1) };
  },
};

function threeColumns(buffer: ArrayBuffer): Found {
  const columns = readColumns(buffer, 3);
  return { ids: itemIds(columns, 0), numbers: integers(columns, 1), scores: floats(columns, 2) };
}
