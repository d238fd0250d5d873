import { expect, test } from "vitest";
import { ApiError, remedy } from "./client";

test.each([
  [new TypeError("network"), "retry"],
  [new DOMException("late", "TimeoutError"), "retry"],
  [new ApiError(503, ""), "retry"],
  [new ApiError(429, ""), "retry"],
  [new ApiError(401, ""), "reopen"],
  [new ApiError(403, ""), "reopen"],
  [new ApiError(409, ""), "refused"],
  [new ApiError(422, ""), "refused"],
] as const)("%s asks to %s", (error, answer) => expect(remedy(error)).toBe(answer));
