import type { LabelRequest } from "../api/client";
import { Selection } from "./selection";
import type { Entry } from "./storage";

/** The same label by its ids alone; null where it already names nothing else.
 *
 * For a server that does not have the map any more. The request id stays: where the gesture had been written and
 * only its answer was lost, it is answered, not written again.
 */
export function byIds(entry: Entry): Entry | null {
  if (entry.path !== "/api/labels" || entry.ids.length === 0) return null;
  const body = entry.body as LabelRequest;
  if (body.selection?.map_id == null) return null;
  const selection = Selection.of(entry.ids).wire();
  return { ...entry, body: { ...body, selection } };
}
