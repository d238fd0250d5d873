import { expect, test } from "vitest";
import type { Gesture } from "../api/client";
import { originText } from "./words";

const line = { user: "ada", time: 1000, how: "lasso", kind: "label", round_id: null } as Gesture;

test("a gesture's origin is who, when and how; of a round's predictions, which round's", () => {
  expect(originText(line, 1000)).toBe("ada · just now · lasso");
  expect(originText({ ...line, how: "class" }, 1000)).toBe("ada · just now");
  expect(originText({ ...line, how: "accept", round_id: 3 }, 1000)).toBe("accepted from round 3 by ada · just now");
  expect(originText({ ...line, kind: "reject", round_id: 3 }, 1000)).toBe("rejected from round 3 by ada · just now");
});
