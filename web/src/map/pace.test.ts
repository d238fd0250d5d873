import { beforeEach, describe, expect, test } from "vitest";
import { Pace } from "./pace";

describe("the pace", () => {
  let done: boolean;
  let pace: Pace;
  beforeEach(() => {
    done = false;
    const gl = {
      SIGNALED: 1,
      fenceSync: () => ({}),
      flush: () => undefined,
      deleteSync: () => undefined,
      isContextLost: () => false,
      getSyncParameter: () => Number(done),
    };
    pace = new Pace(gl as unknown as WebGL2RenderingContext);
  });
  /** Send frames of the dots allowed; each dot takes so many us, the browser looks every 16 ms. */
  const frames = (n: number, us: number): number => {
    let now = 0;
    for (let i = 0; i < n; i += 1) {
      pace.mark(pace.dots, now);
      const end = now + (pace.dots * us) / 1000;
      do {
        now += 16;
        done = now >= end;
      } while (pace.isBusy(now));
    }
    return pace.dots;
  };

  test("a slow processor is given few, within a few frames", () => {
    expect(frames(6, 2)).toBeLessThan(16_000);
    expect(frames(50, 2)).toBeGreaterThan(5_000);
  });

  test("a fast one is given many", () => {
    expect(frames(30, 0.001)).toBe(4_000_000);
  });

  test("few dots say nothing about many", () => {
    pace.learn(10, 100);
    expect(pace.dots).toBe(200_000);
  });
});
