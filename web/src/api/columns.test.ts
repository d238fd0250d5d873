import { describe, expect, test } from "vitest";
import { readColumns, readLabels, readPoints } from "./columns";

function answer(columns: number, n: number, flags = 0, bytes = 16 + columns * n * 4): ArrayBuffer {
  const buffer = new ArrayBuffer(bytes);
  const view = new DataView(buffer);
  [0x53, 0x48, 0x4c, 0x31].forEach((byte, i) => view.setUint8(i, byte));
  view.setUint16(4, 1, true);
  view.setUint16(6, columns, true);
  view.setUint32(8, n, true);
  view.setUint32(12, flags, true);
  return buffer;
}

describe("binary columns", () => {
  test("points come out column by column", () => {
    const buffer = answer(4, 2);
    new Uint32Array(buffer, 16, 2).set([3, 9]);
    new Float32Array(buffer, 24, 6).set([0.25, 0.5, 0.75, 1, 1.5, 0.5]);
    const points = readPoints(buffer);
    expect([...points.ids]).toEqual([3, 9]);
    expect([...points.x]).toEqual([0.25, 0.5]);
    expect([...points.y]).toEqual([0.75, 1]);
    expect([...points.aspect]).toEqual([1.5, 0.5]);
  });

  test("labels carry their sequence number in flags", () => {
    const buffer = answer(1, 3, 4_000_000_000);
    new Int32Array(buffer, 16, 3).set([-1, 0, 7]);
    expect(readLabels(buffer)).toMatchObject({ seq: 4_000_000_000 });
    expect([...readLabels(buffer).classes]).toEqual([-1, 0, 7]);
  });

  test("an empty map is a map", () => {
    expect(readPoints(answer(4, 0)).ids.length).toBe(0);
  });

  test.each([
    ["too short", new ArrayBuffer(3), 1],
    ["no magic", new ArrayBuffer(16), 1],
    ["truncated", answer(1, 3, 0, 20), 1],
    ["longer than promised", answer(1, 1, 0, 24), 1],
    ["wrong column count", answer(2, 1), 1],
  ])("%s is refused", (_, buffer, columns) => {
    expect(() => readColumns(buffer, columns)).toThrow(/^columns:/);
  });

  test("an unknown version is refused by number", () => {
    const buffer = answer(1, 0);
    new DataView(buffer).setUint16(4, 2, true);
    expect(() => readColumns(buffer, 1)).toThrow("version 2");
  });
});
