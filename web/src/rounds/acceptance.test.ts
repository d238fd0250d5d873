import { describe, expect, it } from "vitest";
import { firstThreshold, offers, sureItems } from "./acceptance";

const predictions = {
  classes: Int32Array.of(0, 0, 1, 1, -1, 1),
  confidence: Float32Array.of(0.9, 0.5, 0.9, 0.95, 0.8, 0.2),
};
const ids = Uint32Array.of(0, 1, 2, 3, 4, 5, 9);
/** Item 3 has a label already. */
const classOf = (id: number): number => (id === 3 ? 1 : -1);

describe("offers", () => {
  it("counts by class what is unlabelled and sure enough, and what is none of the classes", () => {
    expect(offers(predictions, ids, classOf, 0.91)).toEqual({
      byClass: [
        { classId: 0, sure: 0, all: 2 },
        { classId: 1, sure: 0, all: 2 },
      ],
      sure: 0,
      all: 4,
      none: 1,
    });
    expect(offers(predictions, ids, classOf, 0.85).byClass).toEqual([
      { classId: 0, sure: 1, all: 2 },
      { classId: 1, sure: 1, all: 2 },
    ]);
  });

  it("counts within a selection only", () => {
    expect(offers(predictions, Uint32Array.of(1), classOf, 0).sure).toBe(1);
    expect(offers(predictions, new Uint32Array(0), classOf, 0)).toEqual({ byClass: [], sure: 0, all: 0, none: 0 });
  });
});

it("takes nothing that has another answer: none of these, put aside", () => {
  const answered = (id: number): number => [-2, -3, 0, -1, -1, -1][id] ?? -1;
  expect(offers(predictions, ids, answered, 0)).toMatchObject({ sure: 2, all: 2, none: 1 });
  expect([...sureItems(predictions, ids, answered, 0, null)]).toEqual([3, 5]);
});

it("counts what lost its prediction as no answer at all", () => {
  const lost = { classes: Int32Array.of(-1, -1), confidence: Float32Array.of(0, 0.9) };
  expect(offers(lost, Uint32Array.of(0, 1), () => -1, 0).none).toBe(1);
});

describe("sureItems", () => {
  it("names the items that accepting would label", () => {
    expect([...sureItems(predictions, ids, classOf, 0.5, null)]).toEqual([0, 1, 2]);
    expect([...sureItems(predictions, ids, classOf, 0.5, 1)]).toEqual([2]);
    expect([...sureItems(predictions, ids, classOf, 0.99, null)]).toEqual([]);
  });
});

describe("the first threshold", () => {
  const pile = (...confidence: number[]): { classes: Int32Array; confidence: Float32Array } => ({
    classes: new Int32Array(confidence.length),
    confidence: Float32Array.from(confidence),
  });
  const nobody = (): number => -1;

  it("is the highest at which ten items can be accepted", () => {
    expect(firstThreshold(pile(...Array<number>(10).fill(0.96)), nobody)).toBe(0.95);
    expect(firstThreshold(pile(...Array<number>(9).fill(0.96), 0.82, 0.4), nobody)).toBe(0.8);
    expect(firstThreshold(pile(...Array<number>(9).fill(0.96), ...Array<number>(50).fill(0.79)), nobody)).toBe(0.95);
  });

  it("stays where next to nothing is sure, and counts neither labels nor none of these", () => {
    expect(firstThreshold(pile(...Array<number>(50).fill(0.3), 0.6), nobody)).toBe(0.95);
    const sure = pile(...Array<number>(12).fill(0.85));
    expect(firstThreshold(sure, nobody)).toBe(0.8);
    expect(firstThreshold(sure, (id) => (id < 3 ? 1 : -1))).toBe(0.95);
    sure.classes.fill(-1);
    expect(firstThreshold(sure, nobody)).toBe(0.95);
  });
});
