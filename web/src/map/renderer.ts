import type { Camera } from "./camera";
import type { Theme } from "./palette";
import type { PointStore } from "./points";
import type { SpriteSize } from "./sprites";

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

/** Everything that one picture of the map depends on, besides what was uploaded. */
export interface Frame {
  camera: Camera;
  /** Device px per CSS px. */
  density: number;
  /** How far the move to the newest map has come, 0 to 1. */
  t: number;
  /** Only items with ids below this are drawn as dots: a fair sample while things move. */
  dots: number;
  /** The diameter of a dot and the largest side of a thumbnail, in CSS px. */
  dotSize: number;
  spriteSize: number;
  batches: readonly SpriteBatch[];
  /** Whether to dim what is not selected. */
  dim: boolean;
  /** Whether nothing moves: thumbnails then lie on whole device px. */
  still: boolean;
  theme: Theme;
}

/** What draws the map: WebGL2, or Canvas-2D where there is none. */
export interface Renderer {
  readonly kind: "webgl2" | "canvas";
  /** Take a new size in device px. */
  resize(width: number, height: number): void;
  /** Take the positions A and B of all items. */
  positions(points: PointStore): void;
  /** Take the styles of all items: red, green, blue, bits. */
  styles(styles: Uint8Array): void;
  /** Put cell number `cell` of a mosaic into a slot. */
  upload(size: SpriteSize, slot: number, mosaic: ImageData, cell: number): void;
  draw(frame: Frame): void;
  dispose(): void;
}

/** An image wider or higher than this is drawn as if it were just this. */
const EXTREME = 8;

/** The aspect that is drawn: hair-thin images are shown a little stretched rather than not at all. */
export function drawnAspect(aspect: number): number {
  return Math.min(EXTREME, Math.max(1 / EXTREME, aspect || 1));
}
