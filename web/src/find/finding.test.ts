import { expect, test } from "vitest";
import { groups, trustSentence } from "./finding";

test("groups of copies are cut apart, in their order", () => {
  const found = groups({
    ids: Uint32Array.of(9, 3, 7, 1, 2),
    numbers: Int32Array.of(0, 0, 0, 1, 1),
    scores: Float32Array.of(1, 0.99, 0.95, 1, 0.97),
  });
  expect(found.map(({ ids }) => [...ids])).toEqual([[9, 3, 7], [1, 2]]);
  expect(found[1]!.notes).toEqual(["100 %", "97 %"]);
  expect(groups({ ids: new Uint32Array(0), numbers: new Int32Array(0), scores: new Float32Array(0) })).toEqual([]);
});

test("where the map lies it says so", () => {
  expect(trustSentence(0.99)).toContain("tells the truth");
  expect(trustSentence(0.9)).toContain("mostly right");
  expect(trustSentence(0.6)).toContain("The map lies here (60 %)");
});
