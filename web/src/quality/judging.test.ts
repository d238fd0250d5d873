import { get } from "svelte/store";
import { expect, test } from "vitest";
import type { MapQuality } from "../look/api";
import { Judging } from "./judging";

const QUALITY: MapQuality = { labelled: 20, classes: 2, silhouette: 0.5, map_accuracy: 0.9, layer_accuracy: null };

test("waiting, failed and known are three things, and a failure can be tried again", async () => {
  const answers = [() => Promise.reject(new Error("the server is away")), () => Promise.resolve(QUALITY)];
  const judging = new Judging(() => answers.shift()!());
  expect(get(judging.now)).toEqual({ kind: "waiting" });
  await judging.judge(1);
  expect(get(judging.now)).toEqual({ kind: "failed", why: "the server is away" });
  const again = judging.judge(1);
  expect([get(judging.now).kind, get(judging.asking)]).toEqual(["waiting", true]);
  await again;
  expect([get(judging.now), get(judging.asking)]).toEqual([{ kind: "known", quality: QUALITY }, false]);
});

test("an answer about a map that was left is dropped, the numbers before stay till the next", async () => {
  const waiting: ((quality: MapQuality) => void)[] = [];
  const judging = new Judging(() => new Promise((resolve) => waiting.push(resolve)));
  const both = [judging.judge(1), judging.judge(2)];
  waiting[1]!({ ...QUALITY, silhouette: 0.2 });
  waiting[0]!(QUALITY);
  await Promise.all(both);
  expect(get(judging.now)).toEqual({ kind: "known", quality: { ...QUALITY, silhouette: 0.2 } });
});
