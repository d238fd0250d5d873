import { expect, test } from "vitest";
import type { LabelRequest } from "../api/client";
import { byIds } from "./fallback";
import { MOST_IDS } from "./selection";
import type { Entry } from "./storage";

const label = (ids: number[], selection: LabelRequest["selection"]): Entry => ({
  requestId: "request-1",
  order: 7,
  workspace: "w",
  path: "/api/labels",
  body: { request_id: "request-1", selection, class_name: "cat", how: "lasso" } satisfies LabelRequest,
  ids: Uint32Array.from(ids),
  className: "cat",
});
const polygon: [number, number][] = [[0, 0], [1, 0], [1, 1]];

test("a polygon is said as one bit for each item where its ids are too many", () => {
  const ids = Array.from({ length: MOST_IDS + 5 }, (_, id) => id);
  const said = byIds(label(ids, { map_id: 3, polygon, ids: [], without: [9e8] }))!;
  const { selection, ...rest } = said.body as LabelRequest;
  expect(rest).toEqual({ request_id: "request-1", class_name: "cat", how: "lasso" });
  expect(selection).toMatchObject({ map_id: null, polygon: null, ids: [], without: [] });
  const bytes = Uint8Array.from(atob(selection.bits!), (character) => character.charCodeAt(0));
  expect(bytes.reduce((sum, byte) => sum + (byte === 255 ? 8 : byte.toString(2).split("1").length - 1), 0)).toBe(ids.length);
});

test("ids with a map lose the map; ids alone can be said no other way", () => {
  const part = byIds(label([1, 2], { map_id: 3, polygon: null, ids: [1, 2], without: [] }))!;
  expect(part.body).toMatchObject({ request_id: "request-1", selection: { map_id: null, ids: [1, 2] } });
  expect(byIds(part)).toBeNull();
  expect(byIds({ ...label([], { map_id: null, ids: [], without: [] }), path: "/api/undo", body: {} })).toBeNull();
});
