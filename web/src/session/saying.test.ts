import { get } from "svelte/store";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Say, Saying } from "./saying";

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

  test("of what began earlier replaces only its own, or none", () => {
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

  describe("of a problem that was said at once", () => {
    test("comes again where a gesture followed before it was read", () => {
      const a = saying.begin();
      vi.advanceTimersByTime(100);
      a("A was not saved", "problem");
      vi.advanceTimersByTime(900);
      saying.say("Labelled b", "done");
      expect(said()).toBe("Labelled b");
      vi.advanceTimersByTime(6_000);
      expect(said()).toBe("A was not saved");
    });

    test("is not cut by one that has waited", () => {
      const a = saying.begin();
      saying.say("newer", "done");
      a("A was not saved", "problem");
      vi.advanceTimersByTime(5_900);
      saying.begin()("B was not saved", "problem");
      vi.advanceTimersByTime(3_000);
      expect(said()).toBe("B was not saved");
      vi.advanceTimersByTime(9_000);
      expect(said()).toBe("A was not saved");
    });

    test("is gone where it was about a key", () => {
      saying.say("Nothing is selected", "problem");
      saying.say("Labelled b", "done");
      vi.advanceTimersByTime(30_000);
      expect(get(saying.notice)).toBeNull();
    });
  });

  test("is let go once it was on show for long enough, by and by, whoever goes on", () => {
    const [a, b] = [saying.begin(), saying.begin()];
    saying.say("C", "done");
    a("A was not saved", "problem");
    b("B was not saved", "problem");
    const shown = { A: 0, B: 0, newer: 0 };
    for (let tenth = 1; tenth <= 1200; tenth += 1) {
      if (tenth % 20 === 0) saying.say("newer", "done");
      vi.advanceTimersByTime(100);
      const text = said()?.[0] as "A" | "B" | undefined;
      if (text === "A" || text === "B") shown[text] += 1;
      if (said() === "newer") shown.newer = tenth;
    }
    expect(shown.A).toBeGreaterThanOrEqual(28);
    expect(shown.B).toBeGreaterThanOrEqual(28);
    expect(shown.A + shown.B).toBeLessThan(100);
    expect(shown.newer).toBe(1200);
  });

  test("of words that are on show already is not said again", () => {
    const [a, b] = [saying.begin(), saying.begin()];
    b("The server does not answer.", "problem");
    a("The server does not answer.", "problem");
    saying.late("The server does not answer.", "problem");
    vi.advanceTimersByTime(12_000);
    expect(get(saying.notice)).toBeNull();
  });

  describe("of a problem of something after which something else has begun", () => {
    let a: Say;
    let b: Say;
    beforeEach(() => {
      [a, b] = [saying.begin(), saying.begin()];
      saying.say("C", "done");
    });

    test("waits until the newer one is gone, and none is lost", () => {
      a("A was not saved", "problem");
      b("B was not saved", "problem");
      b("B was not saved", "problem");
      expect(said()).toBe("C");
      vi.advanceTimersByTime(6_000);
      expect(said()).toBe("A was not saved");
      saying.late("another tab's was not saved", "problem");
      vi.advanceTimersByTime(11_999);
      expect(said()).toBe("A was not saved");
      vi.advanceTimersByTime(1);
      expect(said()).toBe("B was not saved");
      saying.hush();
      expect(said()).toBe("another tab's was not saved");
      vi.advanceTimersByTime(12_000);
      expect(get(saying.notice)).toBeNull();
    });

    test("comes through within 6 s where newer ones keep coming, and leaves each of those its time", () => {
      const heard: [number, string | undefined][] = [];
      vi.advanceTimersByTime(1_000);
      a("A was not saved", "problem");
      b("B was not saved", "problem");
      for (let second = 1; second <= 40; second += 1) {
        if (second % 5 === 0) saying.say("newer", "done");
        if (said() !== heard.at(-1)?.[1]) heard.push([second, said()]);
        vi.advanceTimersByTime(1_000);
      }
      expect(heard).toEqual([[1, "C"], [5, "newer"], [7, "A was not saved"], [10, "newer"], [16, "B was not saved"], [20, "newer"]]);
    });

    test("waits again where it was not on show for long enough to be read", () => {
      a("A was not saved", "problem");
      saying.hush();
      vi.advanceTimersByTime(2_000);
      saying.say("newer", "done");
      expect(said()).toBe("newer");
      vi.advanceTimersByTime(6_000);
      expect(said()).toBe("A was not saved");
      vi.advanceTimersByTime(3_000);
      saying.say("newest", "done");
      saying.hush();
      expect(get(saying.notice)).toBeNull();
    });
  });
});
