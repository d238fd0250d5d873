import type { LabelRequest } from "../api/client";
import { MOST_IDS } from "./selection";
import type { Entry } from "./storage";

/** The same label by its ids alone, in as many gestures as that takes; null where it already names nothing else.
 *
 * For a server that does not have the map any more. The first part keeps the request id: where the gesture had
 * been written and only its answer was lost, it is answered, not written again.
 */
export function byIds(entry: Entry): Entry[] | null {
  if (entry.path !== "/api/labels" || entry.ids.length === 0) return null;
  const body = entry.body as LabelRequest;
  if (body.selection?.map_id == null) return null;
  const count = Math.ceil(entry.ids.length / MOST_IDS);
  return Array.from({ length: count }, (_, part) => {
    const ids = entry.ids.slice(part * MOST_IDS, (part + 1) * MOST_IDS);
    const requestId = part === 0 ? entry.requestId : `${entry.requestId}-${part}`;
    const selection = { map_id: null, polygon: null, ids, without: [] };
    const order = entry.order + part / count;
    return { ...entry, requestId, order, ids, body: { ...body, request_id: requestId, selection } };
  });
}
