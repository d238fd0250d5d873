import { expect, test } from "vitest";
import { ApiError, remedy } from "./client";

test.each([
  [new TypeError("network"), "retry"],
  [new DOMException("late", "TimeoutError"), "retry"],
  [new ApiError(503, ""), "retry"],
  [new ApiError(429, ""), "retry"],
  [new ApiError(401, ""), "reopen"],
  [new ApiError(403, ""), "reopen"],
  [new ApiError(421, "another workspace"), "elsewhere"],
  [new ApiError(409, "nothing to undo"), "refused"],
  [new ApiError(422, "too many"), "refused"],
  [new ApiError(404, null), "retry"],
  [new ApiError(405, null), "retry"],
] as const)("%s asks to %s", (error, answer) => expect(remedy(error)).toBe(answer));
