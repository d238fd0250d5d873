import { get } from "svelte/store";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Saying } from "./saying";

describe("a notice", () => {
  let saying: Saying;
  const said = (): string | undefined => get(saying.notice)?.text;

  beforeEach(() => {
    vi.useFakeTimers();
    saying = new Saying();
  });
  afterEach(() => void vi.useRealTimers());

  test("gives way to the next, and goes by itself", () => {
    saying.say("one", "done");
    vi.advanceTimersByTime(5_000);
    saying.say("two", "problem");
    vi.advanceTimersByTime(11_000);
    expect(said()).toBe("two");
    vi.advanceTimersByTime(1_000);
    expect(get(saying.notice)).toBeNull();
  });

  test("of what was asked earlier replaces only its own, or none", () => {
    const undo = saying.begin();
    undo("Undo waits", "done");
    undo("Undone", "done");
    expect(said()).toBe("Undone");
    saying.say("newer", "done");
    undo("late", "done");
    saying.late("of another tab", "done");
    expect(said()).toBe("newer");
    saying.hush();
    expect(get(saying.notice)).toBeNull();
    undo("Undone after all", "done");
    expect(said()).toBe("Undone after all");
  });

  test("of a problem waits until the newer one is gone, and gives way to one of what was asked later", () => {
    const [first, second] = [saying.begin(), saying.begin()];
    saying.say("newer", "done");
    second("the second was not saved", "problem");
    first("the first was not saved", "problem");
    expect(said()).toBe("newer");
    vi.advanceTimersByTime(6_000);
    expect(said()).toBe("the second was not saved");
    saying.say("newest", "done");
    first("the first was not saved", "problem");
    saying.hush();
    expect(said()).toBe("the first was not saved");
  });
});
