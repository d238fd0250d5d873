/** Binary columns: a 16-byte header `SHL1 | u16 version | u16 columns | u32 n | u32 flags`, then n x 4 bytes each. */

const MAGIC = 0x314c4853; // "SHL1" read as a little-endian u32
const HEADER = 16;

/** What the header of a binary answer says, and where its columns lie. */
export interface Columns {
  n: number;
  flags: number;
  columns: number;
  buffer: ArrayBuffer;
}

/** Read the header; throw where the bytes are not what it promises. */
export function readColumns(buffer: ArrayBuffer, expected: number): Columns {
  if (buffer.byteLength < HEADER) throw new Error(`columns: ${buffer.byteLength} bytes are no header`);
  const view = new DataView(buffer);
  if (view.getUint32(0, true) !== MAGIC) throw new Error("columns: the answer does not begin with SHL1");
  const version = view.getUint16(4, true);
  if (version !== 1) throw new Error(`columns: version ${version} came, this page reads version 1`);
  const columns = view.getUint16(6, true);
  if (columns !== expected) throw new Error(`columns: ${columns} came, ${expected} were expected`);
  const n = view.getUint32(8, true);
  const flags = view.getUint32(12, true);
  const bytes = HEADER + columns * n * 4;
  if (buffer.byteLength !== bytes) throw new Error(`columns: ${buffer.byteLength} bytes came, ${bytes} were promised`);
  return { n, flags, columns, buffer };
}

/** The column of numbers at a place. */
export function floats({ buffer, n }: Columns, place: number): Float32Array {
  return new Float32Array(buffer, HEADER + place * n * 4, n);
}

/** The column of whole numbers at a place, negative ones included. */
export function integers({ buffer, n }: Columns, place: number): Int32Array {
  return new Int32Array(buffer, HEADER + place * n * 4, n);
}

/** The column of item ids at a place. */
export function itemIds({ buffer, n }: Columns, place: number): Uint32Array {
  return new Uint32Array(buffer, HEADER + place * n * 4, n);
}

/** The positions of one map, ids ascending; aspect is width / height. */
export interface MapPoints {
  ids: Uint32Array;
  x: Float32Array;
  y: Float32Array;
  aspect: Float32Array;
}

/** Decode /api/maps/{id}/points. */
export function readPoints(buffer: ArrayBuffer): MapPoints {
  const { n } = readColumns(buffer, 4);
  const at = (column: number): number => HEADER + column * n * 4;
  return {
    ids: new Uint32Array(buffer, at(0), n),
    x: new Float32Array(buffer, at(1), n),
    y: new Float32Array(buffer, at(2), n),
    aspect: new Float32Array(buffer, at(3), n),
  };
}

/** The class of every item by item id (-1: none), and the number of the newest label event it holds. */
export interface LabelColumn {
  classes: Int32Array;
  seq: number;
}

/** What a round predicts by item id: the class (-1: none of them), and how sure it is, 0 to 1. An item that was
 * labelled is predicted to be what it was labelled: `heldOut` is what a model without that label says (-1: nothing). */
export interface PredictionColumns {
  classes: Int32Array;
  confidence: Float32Array;
  heldOut: Int32Array;
}

/** Decode /api/rounds/{id}/predictions. */
export function readPredictions(buffer: ArrayBuffer): PredictionColumns {
  const columns = readColumns(buffer, 3);
  return { classes: integers(columns, 0), confidence: floats(columns, 1), heldOut: integers(columns, 2) };
}

/** Decode /api/suggestions/items. */
export function readSuggested(buffer: ArrayBuffer): { ids: Uint32Array; places: Int32Array } {
  const { n } = readColumns(buffer, 2);
  return { ids: new Uint32Array(buffer, HEADER, n), places: new Int32Array(buffer, HEADER + 4 * n, n) };
}

/** Decode /api/labels. */
export function readLabels(buffer: ArrayBuffer): LabelColumn {
  const { n, flags } = readColumns(buffer, 1);
  return { classes: new Int32Array(buffer, HEADER, n), seq: flags };
}

/** Some items' classes, and the number of the newest label event they hold. */
export interface LabelDelta {
  ids: Uint32Array;
  classes: Int32Array;
  seq: number;
}

/** Decode /api/labels?since=. */
export function readDelta(buffer: ArrayBuffer): LabelDelta {
  const { n, flags } = readColumns(buffer, 2);
  return { ids: new Uint32Array(buffer, HEADER, n), classes: new Int32Array(buffer, HEADER + 4 * n, n), seq: flags };
}

/** A label column with what has changed laid over it; the column itself stays. */
export function patched(column: LabelColumn, { ids, classes, seq }: LabelDelta): LabelColumn {
  const length = Math.max(column.classes.length, (ids.at(-1) ?? -1) + 1);
  const patch = new Int32Array(length).fill(-1, column.classes.length);
  patch.set(column.classes);
  for (let i = 0; i < ids.length; i += 1) patch[ids[i]!] = classes[i]!;
  return { classes: patch, seq };
}

/** Decode a column of item ids. */
export function readIds(buffer: ArrayBuffer): Uint32Array {
  const { n } = readColumns(buffer, 1);
  return new Uint32Array(buffer, HEADER, n);
}
