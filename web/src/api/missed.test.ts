import { writable } from "svelte/store";
import { beforeEach, describe, expect, test } from "vitest";
import { ApiError, type State, Unreachable } from "./client";
import { Missed } from "./missed";

describe("what was missed", () => {
  const state = {} as State;
  const away = (): Promise<never> => Promise.reject(new Unreachable(null));
  let server: ReturnType<typeof writable<State | null>>;
  let asked: number;
  let answer: () => Promise<unknown>;
  let missed: Missed;
  let stop: () => void;

  /** Ask, and wait until what becomes of it is known. */
  const ask = (): Promise<unknown> => {
    asked += 1;
    return missed.watch(answer()).catch(() => undefined);
  };

  beforeEach(() => {
    server = writable(null);
    asked = 0;
    missed = new Missed(() => void ask());
    stop = missed.follow(server);
  });

  test("is asked for again with every state, until it has come, and no more then", async () => {
    answer = away;
    await ask();
    server.set(null);
    expect(asked).toBe(1);
    server.set(state);
    expect(asked).toBe(2);
    await Promise.resolve();
    answer = () => Promise.resolve("there");
    server.set(state);
    await Promise.resolve();
    server.set(state);
    expect(asked).toBe(3);
  });

  test("is not what the server said no to", async () => {
    answer = () => Promise.reject(new ApiError(404, "no such map"));
    await ask();
    server.set(state);
    expect(asked).toBe(1);
  });

  test("is only what was asked for last, while somebody waits for it", async () => {
    const late = missed.watch(new Promise<never>((_, reject) => setTimeout(() => reject(new Unreachable(null)))));
    answer = () => Promise.resolve("there");
    await ask();
    await late.catch(() => undefined);
    server.set(state);
    answer = away;
    await ask();
    missed.forget();
    server.set(state);
    await ask();
    stop();
    server.set(state);
    expect(asked).toBe(3);
  });

  test("fails for who asked as well", async () => {
    await expect(missed.watch(away())).rejects.toThrow("The server does not answer.");
  });
});
