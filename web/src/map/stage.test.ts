import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Camera } from "./camera";
import { PointStore } from "./points";
import type { Renderer } from "./renderer";
import { SpriteStage } from "./stage";
import type { FetchMosaic } from "./thumbnails";

const image = {} as ImageData;
const none: ReadonlySet<number> = new Set();

describe("the stage", () => {
  let now: number;
  let asked: { size: number; ids: readonly number[] }[];
  let missing: (ids: readonly number[]) => ReadonlySet<number>;
  let stage: SpriteStage;
  let points: PointStore;
  const camera = new Camera();

  beforeEach(() => {
    vi.useFakeTimers();
    now = 0;
    asked = [];
    missing = () => none;
    const fetch: FetchMosaic = async (size, ids) => {
      asked.push({ size, ids });
      return { image, missing: missing(ids) };
    };
    stage = new SpriteStage({ upload: () => undefined } as unknown as Renderer, fetch, () => undefined);
    points = new PointStore();
    camera.resize(800, 600);
    camera.set(camera.fitted());
  });
  afterEach(() => void vi.useRealTimers());

  /** Items 0 to n - 1 on a line across the view. */
  const lay = (n: number): void => {
    const ids = Uint32Array.from({ length: n }, (_, id) => id);
    const x = Float32Array.from(ids, (id) => id / n);
    points.set({ ids, x, y: x.map(() => 0.5), aspect: x.map(() => 1) });
    points.t = 1;
  };
  /** Draw so many pictures of these winners, and let what was asked for arrive. */
  const look = async (winners: number[], pixels: number, pictures = 40): Promise<void> => {
    for (let i = 0; i < pictures; i += 1) {
      now += 16;
      stage.arrange({
        points,
        camera,
        winners: Uint32Array.from(winners),
        styles: new Uint32Array(points.size),
        pixels,
        size: 40,
        now,
        instant: false,
      });
      await vi.advanceTimersByTimeAsync(16);
    }
  };
  const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i);

  test("of more sharp pictures than there are slots for, the fetches end when nothing moves", async () => {
    lay(1500);
    await look(range(1500), 120);
    const before = asked.length;
    expect(asked.filter(({ size }) => size === 128).flatMap(({ ids }) => ids)).toEqual(range(1024));
    await look(range(1500), 120);
    expect(asked.length).toBe(before);
    expect(stage.shownCount).toBe(1500); // the others in a coarser size
  });

  test("the fetches end too where others hold the slots", async () => {
    lay(2048);
    await look(range(1024, 1024), 120);
    await look(range(2048), 120, 80); // all that were sharp stay in use: no slot for the first ones
    const before = asked.length;
    await look(range(2048), 120, 80);
    expect(asked.length).toBe(before);
  });

  test("other winners are asked for though their number and their ends are the same", async () => {
    lay(10);
    await look([0, 1, 2, 3, 9], 60);
    await look([0, 5, 6, 7, 9], 60);
    expect(asked.map(({ ids }) => ids)).toEqual([[0, 1, 2, 3, 9], [5, 6, 7]]);
  });

  test("a thumbnail the server does not have is not shown grey, nor asked for in every picture", async () => {
    lay(4);
    missing = (ids) => new Set(ids.flatMap((id, cell) => (id === 2 ? [cell] : [])));
    await look(range(4), 60);
    await look(range(3), 60);
    expect(asked.map(({ ids }) => ids)).toEqual([[0, 1, 2, 3]]);
    expect(stage.shownCount).toBe(2);
    missing = () => none;
    await vi.advanceTimersByTimeAsync(11_000);
    await look(range(4), 60);
    expect(asked.at(-1)?.ids).toEqual([2]);
    expect(stage.shownCount).toBe(4);
  });

  test("on another ground pictures are fetched anew, and what was under way for the last one is not shown", async () => {
    const uploads: number[] = [];
    const grounds: number[] = [];
    const renderer = { upload: (_: number, slot: number) => uploads.push(slot) } as unknown as Renderer;
    stage = new SpriteStage(
      renderer,
      async (_, ids, ground) => {
        grounds.push(ground);
        await new Promise((resolve) => setTimeout(resolve, 100));
        return { image, missing: missing(ids) };
      },
      () => undefined,
    );
    stage.layOn(1);
    lay(3);
    await look(range(3), 60, 3);
    stage.layOn(2);
    await look(range(3), 60, 6);
    expect(grounds).toEqual([1, 2]);
    expect(uploads).toEqual([]);
    await look(range(3), 60, 6);
    expect(uploads.length).toBe(3);
    expect(grounds).toEqual([1, 2]);
  });

  test("expired pictures are fetched once more, and shown meanwhile", async () => {
    lay(4);
    await look(range(4), 60);
    stage.expire();
    await look(range(4), 60, 1);
    expect(stage.shownCount).toBe(4);
    await look(range(4), 60);
    expect(asked.length).toBe(2);
  });
});
