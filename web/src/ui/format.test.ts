import { expect, test } from "vitest";
import { number, plural, rate, sentence, timeLeft } from "./format";

test("numbers and plurals", () => {
  expect(number(1234567)).toBe("1,234,567");
  expect([plural(1, "item"), plural(0, "item"), plural(2, "class", "classes")]).toEqual(["1 item", "0 items", "2 classes"]);
});

test("times and rates are said roughly", () => {
  expect([0, 11, 59, 61, 3000, 50_000].map(timeLeft)).toEqual([
    "a few seconds left",
    "about 15 s left",
    "about 60 s left",
    "about 1 min left",
    "about 50 min left",
    "about 14 h left",
  ]);
  expect([rate(0.44), rate(152.6)]).toEqual(["0.4/s", "153/s"]);
});

test("a text begins with a capital", () => {
  expect([sentence("learning"), sentence("Éclair"), sentence("")]).toEqual(["Learning", "Éclair", ""]);
});
