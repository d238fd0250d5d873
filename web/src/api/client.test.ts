import { afterEach, expect, test, vi } from "vitest";
import { api, ApiError, json, reasonOf, remedy, Unreachable } from "./client";

afterEach(() => vi.unstubAllGlobals());

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

test.each([
  [new ApiError(409, "nothing to undo"), "nothing to undo"],
  [new ApiError(503, null), "the server answered 503"],
  ["thrown as it is", "thrown as it is"],
])("%s is told as %s", (error, told) => expect(reasonOf(error)).toBe(told));

test("what does not come is told in words of our own", async () => {
  const cut = { ok: true, headers: new Headers(), arrayBuffer: () => Promise.reject(new TypeError("network error")) };
  for (const answer of [() => Promise.reject(new TypeError("Failed to fetch")), () => Promise.resolve(cut)]) {
    vi.stubGlobal("fetch", answer);
    const error: unknown = await api.labels().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Unreachable);
    expect([(error as Error).message, remedy(error)]).toEqual(["The server does not answer.", "retry"]);
  }
  vi.stubGlobal("fetch", () => Promise.reject(new DOMException("signal timed out", "TimeoutError")));
  await expect(json("/api/state")).rejects.toThrow("The server takes too long to answer.");
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ detail: "no such item" }, { status: 404 })));
  await expect(json("/api/items/9")).rejects.toThrow("no such item");
});
