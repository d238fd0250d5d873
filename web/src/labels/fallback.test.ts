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
  ids,
  className: "cat",
});
const polygon: [number, number][] = [[0, 0], [1, 0], [1, 1]];

test("a polygon is said as ids, in parts that the server takes, under ids of their own and in order", () => {
  const ids = Array.from({ length: 2 * MOST_IDS + 5 }, (_, id) => id);
  const parts = byIds(label(ids, { map_id: 3, polygon, ids: [], without: [9e8] }))!;
  expect(parts.map((part) => part.requestId)).toEqual(["request-1", "request-1-1", "request-1-2"]);
  expect(parts.map((part) => part.ids.length)).toEqual([MOST_IDS, MOST_IDS, 5]);
  expect(parts.flatMap((part) => part.ids)).toEqual(ids);
  expect(parts.every((part, i) => part.order < (parts[i + 1]?.order ?? 8))).toBe(true);
  for (const part of parts)
    expect(part.body).toEqual({
      request_id: part.requestId,
      selection: { map_id: null, polygon: null, ids: part.ids, without: [] },
      class_name: "cat",
      how: "lasso",
    });
});

test("ids with a map lose the map; ids alone can be said no other way", () => {
  const [part] = byIds(label([1, 2], { map_id: 3, polygon: null, ids: [1, 2], without: [] }))!;
  expect(part?.body).toMatchObject({ request_id: "request-1", selection: { map_id: null, ids: [1, 2] } });
  expect(byIds(part!)).toBeNull();
  expect(byIds({ ...label([], { map_id: null, ids: [], without: [] }), path: "/api/undo", body: {} })).toBeNull();
});
