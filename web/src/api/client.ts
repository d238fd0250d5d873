import type { components } from "./schema.gen";
import {
  type LabelColumn,
  type LabelDelta,
  type MapPoints,
  type PredictionColumns,
  readDelta,
  readIds,
  readLabels,
  readPoints,
  readPredictions,
  readSuggested,
} from "./columns";

type Schemas = components["schemas"];
export type State = Schemas["State"];
export type ClassInfo = Schemas["ClassInfo"];
export type ItemInfo = Schemas["ItemInfo"];
export type JobInfo = Schemas["JobInfo"];
export type Gesture = Schemas["Gesture"];
export type SkippedItem = Schemas["SkippedItem"];
export type LabelRequest = Schemas["LabelRequest"];
export type Selection = Schemas["Selection"];
export type RoundInfo = Schemas["RoundInfo"];
export type SuggestionInfo = Schemas["SuggestionInfo"];
export type ClassChange = Schemas["ClassChange"];
export type LabelResult = Schemas["LabelResult"];

/** An answer that is not 2xx: its status, and the server's reason; null where no Shoal server gave one. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  constructor(
    readonly status: number,
    readonly detail: string | null,
  ) {
    super(detail || `the server answered ${status}`);
  }
}

/** No answer came: the server is away, or the network is. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
  constructor(cause: unknown) {
    super("The server does not answer.", { cause });
  }
}

/** What an answer brings; browsers have words of their own for one that does not come, and people get ours. */
async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const late = error instanceof DOMException && error.name === "TimeoutError";
    throw late ? new Error("The server takes too long to answer.", { cause: error }) : new Unreachable(error);
  }
}

/** What went wrong, in words. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What a failed request asks of us: try again, open the page anew, see that another workspace is served here,
 * or accept that the server said no. Another program at this address says nothing: its 404 is no refusal. */
export function remedy(error: unknown): "retry" | "reopen" | "elsewhere" | "refused" {
  if (!(error instanceof ApiError)) return "retry";
  if (error.status === 401 || error.status === 403) return "reopen";
  if (error.status === 421) return "elsewhere";
  const again = error.status >= 500 || [408, 425, 429].includes(error.status);
  return again || error.detail === null ? "retry" : "refused";
}

let workspace = "";
let person = "";

/** Say with every unsafe request from now on which workspace it is for; a server of another one answers 421. */
export function speakFor(workspaceId: string): void {
  workspace = workspaceId;
}

/** Say with every request from now on who acts; empty: the server's own user. */
export function speakAs(name: string): void {
  person = name;
}

async function request(path: string, body?: unknown, patience = 20_000): Promise<Response> {
  const who = person ? { "X-Shoal-User": encodeURIComponent(person) } : undefined;
  const headers = { "Content-Type": "application/json", ...(workspace && { "X-Shoal-Workspace": workspace }), ...who };
  const post = { method: "POST", headers, body: JSON.stringify(body) };
  const signal = AbortSignal.timeout(patience);
  const response = await answered(fetch(path, { ...(body === undefined ? who && { headers: who } : post), signal }));
  if (response.ok) return response;
  const problem: unknown = await response.json().catch(() => null);
  const detail = problem && typeof problem === "object" && "detail" in problem ? problem.detail : null;
  throw new ApiError(response.status, typeof detail === "string" ? detail : null);
}

export async function json<T>(path: string, body?: unknown): Promise<T> {
  return answered((await request(path, body)).json() as Promise<T>);
}

async function bytes(path: string): Promise<ArrayBuffer> {
  return (await binary(path)).buffer;
}

/** Ask for binary columns; the header that is named comes with them. */
export async function binary(path: string, body?: unknown, header = ""): Promise<{ buffer: ArrayBuffer; header: string | null }> {
  const response = await request(path, body, 120_000);
  return { buffer: await answered(response.arrayBuffer()), header: response.headers.get(header || "Content-Type") };
}

/** The addresses of the server, one function each. */
export const api = {
  state: () => json<State>("/api/state"),
  item: (id: number) => json<ItemInfo>(`/api/items/${id}`),
  skipped: () => json<SkippedItem[]>("/api/skipped"),
  startJob: () => json<JobInfo>("/api/jobs", { kind: "map" }),
  learn: (parameters: Schemas["LearnParameters"]) => json<JobInfo>("/api/jobs", { kind: "learn", parameters }),
  rounds: () => json<RoundInfo[]>("/api/rounds"),
  suggestions: () => json<Schemas["SuggestionInfo"][]>("/api/suggestions"),
  /** The items of every suggestion, and which place in the list each is of. */
  suggested: async (): Promise<{ ids: Uint32Array; places: Int32Array }> =>
    readSuggested(await bytes("/api/suggestions/items")),
  predictions: async (round: number): Promise<PredictionColumns> =>
    readPredictions(await bytes(`/api/rounds/${round}/predictions`)),
  /** Draw the map that tells two selections from each other, and show it. */
  pullApart: (groups: Schemas["PullRequest"]) => json<Schemas["MapInfo"]>("/api/pull-apart", groups),
  /** Show this map to everybody, until another is chosen or made. */
  chooseMap: (id: number) => json<Schemas["MapInfo"]>(`/api/maps/${id}/current`, {}),
  cancelJob: (id: number) => json<JobInfo>(`/api/jobs/${id}/cancel`, {}),
  /** Send a gesture; the body carries its request id, so that sending it again changes nothing. */
  gesture: (path: string, body: object) => json<LabelResult>(path, body),
  points: async (map: number): Promise<MapPoints> =>
    readPoints(await bytes(`/api/maps/${map}/points`)),
  labels: async (): Promise<LabelColumn> =>
    readLabels(await bytes("/api/labels")),
  /** What may have changed since a label event. */
  labelsSince: async (seq: number): Promise<LabelDelta> =>
    readDelta(await bytes(`/api/labels?since=${seq}`)),
  history: ({ before = -1, user = -1, classId = -1, limit = 50 }): Promise<Gesture[]> =>
    json<Gesture[]>(`/api/history?limit=${limit}&before=${before}&user=${user}&class_id=${classId}`),
  users: () => json<string[]>("/api/history/users"),
  itemsOf: async (seq: number): Promise<Uint32Array> =>
    readIds(await bytes(`/api/history/${seq}/items`)),
  /** The thumbnails of these items in one picture, and the places in it that hold none. */
  mosaic: async (size: number, ids: readonly number[], ground: number): Promise<{ image: ImageData; missing: ReadonlySet<number> }> => {
    const response = await request("/api/thumbnails", { size, ids, ground });
    const missing = response.headers.get("X-Shoal-Missing");
    return { missing: new Set(missing ? missing.split(",").map(Number) : []), image: await decode(await answered(response.blob())) };
  },
};

export function exportUrl(form: "csv" | "jsonl" | "parquet"): string {
  return `/api/export/labels.${form}`;
}

/** The pixels of a picture, their colours weighed by their opacity, read back once, so that cells can be cut out of it
 * freely. */
async function decode(blob: Blob): Promise<ImageData> {
  const bitmap = await createImageBitmap(blob);
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("thumbnails: this browser gives no 2-D canvas");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return weighed(context.getImageData(0, 0, canvas.width, canvas.height));
}

/** Weigh each colour by its opacity: only so may neighbouring px be mixed. */
export function weighed<T extends Pick<ImageData, "data">>(image: T): T {
  const { data } = image;
  for (let at = 3; at < data.length; at += 4) {
    const opacity = data[at]!;
    if (opacity === 255) continue;
    for (let i = at - 3; i < at; i += 1) data[i] = Math.round((data[i]! * opacity) / 255);
  }
  return image;
}
