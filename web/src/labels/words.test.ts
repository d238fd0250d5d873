import { expect, test } from "vitest";
import type { Gesture } from "../api/client";
import { gestureText, originText } from "./words";

const line = { user: "ada", time: 1000, how: "lasso", kind: "label", round_id: null } as Gesture;

test("a gesture's origin is who, when and how; of a round's predictions, which round's", () => {
  expect(originText(line, 1000)).toBe("ada · just now · lasso");
  expect(originText({ ...line, how: "class" }, 1000)).toBe("ada · just now");
  expect(originText({ ...line, how: "accept", round_id: 3 }, 1000)).toBe("accepted from round 3 by ada · just now");
  expect(originText({ ...line, kind: "reject", round_id: 3 }, 1000)).toBe("rejected from round 3 by ada · just now");
});

test("what is undone says how many items only where it had any", () => {
  const undone = { ...line, kind: "undo", class_name: "Flags", count: 0, detail: { kind: "rename" } } as unknown as Gesture;
  expect(gestureText(undone)).toBe("undone: renamed “Flags”");
  expect(gestureText({ ...undone, count: 2, detail: { kind: "delete" } })).toBe("undone: deleted “Flags”, 2 items");
});
