import { expect, test } from "vitest";
import { weighed } from "../api/client";
import { paintFrame, paintPicture, scalePicture, type Sheet, type Sprite } from "./paint";
import { LAYER } from "./sprites";

const RED = 0xff0000ff;
const BLUE = 0xffff0000;
const SIDE = 32;

/** A sprite of 32 px whose picture is red in the middle and `around` elsewhere, in the middle of a blue sheet. */
function scene(around: number, more: Partial<Sprite> = {}): { sheet: Sheet; sprite: Sprite } {
  const source = new Uint32Array(LAYER * SIDE).fill(around);
  for (let y = 12; y < 20; y += 1) source.fill(RED, y * LAYER + 12, y * LAYER + 20);
  const sheet = { pixels: new Uint32Array(64 * 64).fill(BLUE), width: 64, height: 64 };
  const box = { x: 16, y: 16, width: SIDE, height: SIDE, left: 0, top: 0, across: SIDE, down: SIDE };
  const sprite = { ...box, source, label: null, alpha: 256, selected: false, dimmed: false, apart: false, radius: 0, density: 1, ...more };
  return { sheet, sprite };
}

function painted(around: number, more: Partial<Sprite> = {}): (x: number, y: number) => number {
  const { sheet, sprite } = scene(around, more);
  paintFrame(sheet, sprite, [0, 0, 0], [255, 255, 255]);
  paintPicture(sheet, sprite, scalePicture(sprite, [0, 0, 0], true));
  return (x, y) => sheet.pixels[y * 64 + x]!;
}

test("a transparent picture covers nothing where it is clear, nor is it framed", () => {
  const at = painted(0);
  expect([at(32, 32), at(18, 18), at(15, 15), at(47, 47)]).toEqual([RED, BLUE, BLUE, BLUE]);
});

test("where all lie apart, a transparent picture has ground of its own", () => {
  const at = painted(0, { apart: true });
  expect([at(32, 32), at(18, 18), at(15, 15), at(47, 47)]).toEqual([RED, 0xff000000, BLUE, 0xff000000]);
});

test("an opaque picture covers its box, and a gap parts it from its neighbours", () => {
  const at = painted(0xff00ff00);
  expect([at(32, 32), at(18, 18), at(15, 20), at(13, 20)]).toEqual([RED, 0xff00ff00, 0xff000000, BLUE]);
});

test("half of a colour lets half of what lies below through", () => {
  const at = painted(0x80000080);
  const mixed = at(18, 18);
  expect(mixed & 255).toBe(128);
  expect(Math.abs(((mixed >>> 16) & 255) - 127)).toBeLessThanOrEqual(1);
  expect(mixed >>> 24).toBe(255);
});

test("a clear px stays clear when its picture is dimmed or fades, and no channel runs over", () => {
  expect(painted(0, { dimmed: true })(18, 18)).toBe(BLUE);
  const faded = painted(0, { alpha: 128 })(32, 32);
  expect([faded & 255, (faded >>> 8) & 255, faded >>> 24]).toEqual([127, 0, 255]);
  expect(painted(0xfeffffff)(18, 18)).toBe(0xffffffff);
});

test("a selected transparent picture has its ring", () => {
  expect(painted(0, { selected: true })(15, 32)).toBe(0xffffffff);
});

test("colours are weighed by their opacity", () => {
  const data = Uint8ClampedArray.of(200, 100, 50, 255, 200, 100, 50, 128, 200, 100, 50, 0);
  expect([...weighed({ data }).data]).toEqual([200, 100, 50, 255, 100, 50, 25, 128, 0, 0, 0, 0]);
});

test("the frame of a transparent picture stays out of its box, rounded as it may be", () => {
  const at = painted(0, { selected: true, radius: 4 });
  expect([at(17, 17), at(16, 30), at(15, 30)]).toEqual([BLUE, BLUE, 0xffffffff]);
});
