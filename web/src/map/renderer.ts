import type { Camera } from "./camera";
import type { Around } from "./dots";
import type { Theme } from "./palette";
import type { PointStore } from "./points";
import type { SpriteSize } from "./sprites";
import type { IdRange } from "./styles";

/** One sprite's numbers, in this order: where it was (2), where it goes (2), aspect, layer, the cell's left upper
 * corner in px (2), its label's colour (3, 0 to 1), 1 with a label, alpha, selected, hovered, fresh (0 or 1). */
export const STRIDE = 16;

/** The sprites of one size, drawn in order. */
export interface SpriteBatch {
  size: SpriteSize;
  count: number;
  data: Float32Array;
}

/** Bits of an item's style byte. */
export const SELECTED = 1;
export const LABELLED = 2;
export const PRESENT = 4;
export const FRESH = 8;
/** Held back by a filter: dimmed like what is not selected, and without a thumbnail. */
export const FILTERED = 16;

/** Everything that one picture of the map depends on, besides what was uploaded. */
export interface Frame {
  camera: Camera;
  /** Device px per CSS px. */
  density: number;
  /** How far the move to the newest map has come, 0 to 1. */
  t: number;
  /** The diameter of a dot and the largest side of a thumbnail, in CSS px. */
  dotSize: number;
  spriteSize: number;
  batches: readonly SpriteBatch[];
  /** Whether to dim what is not selected. */
  dim: boolean;
  /** Whether every picture has a place of its own: a transparent one then shows no dots that lie below it. */
  apart: boolean;
  /** Whether nothing moves: thumbnails then lie on whole device px. */
  still: boolean;
  /** Whether the next frame should come soon: something moves, or what the items look like changes, as under a lasso. */
  hurry: boolean;
  theme: Theme;
  /** Finds items where they go. */
  around: Around;
}

/** Everything is drawn; a sample of the dots is; or nothing, because the frame before is still being drawn. */
export type Progress = "complete" | "partial" | "skipped";

/** What draws the map: WebGL2, or Canvas-2D where there is none. */
export interface Renderer {
  readonly kind: "webgl2" | "canvas";
  /** The most device px that are drawn quickly enough; a larger map is drawn coarser. */
  readonly mostPixels: number;
  /** Take a new size in device px. */
  resize(width: number, height: number): void;
  /** Take the positions A and B of all items. */
  positions(points: PointStore): void;
  /** Take the styles of all items (see `StyleSheet`), of which those in the ranges changed. */
  styles(words: Uint32Array, changed: readonly IdRange[]): void;
  /** Put cell number `cell` of a mosaic into a slot. */
  upload(size: SpriteSize, slot: number, mosaic: ImageData, cell: number): void;
  /** Draw as much as fits a frame, and say how far that went. The same frame again adds what is missing: dots come
   * in the order of their ids, so that what is there at any moment is a fair sample. */
  draw(frame: Frame): Progress;
  dispose(): void;
}

/** An image wider or higher than this is drawn as if it were just this. */
const EXTREME = 8;

/** The aspect that is drawn: hair-thin images are shown a little stretched rather than not at all. */
export function drawnAspect(aspect: number): number {
  return Math.min(EXTREME, Math.max(1 / EXTREME, aspect || 1));
}
