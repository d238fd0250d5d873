import { DotPicture } from "./dots";
import { paintFrame, paintPicture, scalePicture, type Sheet, type Sprite, spriteOf } from "./paint";
import { chosenDot } from "./palette";
import type { PointStore } from "./points";
import { type Frame, type Progress, type Renderer, type SpriteBatch, STRIDE } from "./renderer";
import { LAYER, place, type SpriteSize } from "./sprites";

/** How long a frame may draw dots and scale pictures, in ms: little while the map moves or its items change. */
const HURRY_MS = 8;
const STILL_MS = 20;
const SCALING_MS = 6;
/** How many scaled pictures are kept. */
const MOST_SCALED = 6_000;

/** A picture scaled for the map, and what it was made for. */
interface Scaled {
  pixels: Uint32Array;
  width: number;
  height: number;
  dimmed: boolean;
  smooth: boolean;
  theme: unknown;
}

/** Draws the same map with the processor alone and shows it by Canvas-2D: where the browser has no WebGL2, and where
 * its WebGL2 is itself only a program on the processor, some sixty times slower at this. */
export class CanvasRenderer implements Renderer {
  readonly kind = "canvas";
  readonly mostPixels = 2_600_000;
  private points: PointStore | null = null;
  private words: Uint32Array = new Uint32Array(0);
  private readonly dots = new DotPicture();
  private readonly layers = new Map<string, Uint32Array>();
  private readonly scaled = new Map<number, Scaled>();
  /** How much longer this frame may scale pictures, in ms. */
  private scalingLeft = 0;
  private image: ImageData | null = null;
  private sheet: Sheet = { pixels: new Uint32Array(0), width: 0, height: 0 };

  static create(canvas: HTMLCanvasElement): CanvasRenderer | null {
    const context = canvas.getContext("2d", { alpha: false });
    return context ? new CanvasRenderer(context, canvas) : null;
  }

  private constructor(
    private readonly context: CanvasRenderingContext2D,
    private readonly canvas: HTMLCanvasElement,
  ) {}

  resize(width: number, height: number): void {
    this.canvas.width = Math.max(1, width);
    this.canvas.height = Math.max(1, height);
    this.image = this.context.createImageData(this.canvas.width, this.canvas.height);
    const pixels = new Uint32Array(this.image.data.buffer);
    this.sheet = { pixels, width: this.canvas.width, height: this.canvas.height };
  }

  positions(points: PointStore): void {
    this.points = points;
    this.dots.take(points, this.words);
  }

  styles(words: Uint32Array): void {
    this.words = words;
    this.dots.take(this.points, words);
  }

  upload(size: SpriteSize, slot: number, mosaic: ImageData, cell: number): void {
    const to = place(size, slot);
    const from = place(size, cell);
    const layer = this.layer(size, to.layer);
    const source = new Uint32Array(mosaic.data.buffer);
    for (let row = 0; row < size; row += 1) {
      const first = (from.y + row) * mosaic.width + from.x;
      layer.set(source.subarray(first, first + size), (to.y + row) * LAYER + to.x);
    }
    this.scaled.delete(keyOf(size, to.layer, to.x, to.y));
  }

  draw(frame: Frame): Progress {
    const { sheet, image } = this;
    if (!image) return "complete";
    const { camera, density, theme } = frame;
    const view = {
      width: sheet.width,
      height: sheet.height,
      scale: camera.scale * density,
      cx: camera.cx,
      cy: camera.cy,
      t: frame.t,
      diameter: frame.dotSize * density,
      dim: frame.dim,
      dot: theme.dot,
      chosen: chosenDot(theme),
      background: theme.background,
    };
    this.dots.aim(view, frame.around);
    const drawn = this.dots.advance(frame.hurry ? HURRY_MS : STILL_MS);
    sheet.pixels.set(this.dots.pixels);
    const smooth = this.drawSprites(frame);
    this.context.putImageData(image, 0, 0);
    return drawn && smooth ? "complete" : "partial";
  }

  dispose(): void {
    this.layers.clear();
    this.scaled.clear();
  }

  /** Return whether every picture is scaled as well as it can be. */
  private drawSprites(frame: Frame): boolean {
    this.scalingLeft = SCALING_MS;
    let smooth = true;
    for (const batch of frame.batches) {
      const sourceOf = (layer: number): Uint32Array => this.layer(batch.size, layer);
      for (let i = 0; i < batch.count; i += 1) {
        const sprite = spriteOf(frame, batch, i, sourceOf);
        if (sprite.x > this.sheet.width || sprite.y > this.sheet.height) continue;
        if (sprite.x + sprite.width < 0 || sprite.y + sprite.height < 0) continue;
        paintFrame(this.sheet, sprite, frame.theme.background, frame.theme.ring);
        const scaled = this.scale(frame, sprite, keyAt(batch, i));
        paintPicture(this.sheet, sprite, scaled.pixels);
        smooth &&= scaled.smooth;
      }
    }
    return smooth;
  }

  /** The sprite's picture in its size: as it was kept, or made now, smooth where there is time for it.
   *
   * Only scaling counts: of thousands of pictures, painting alone takes longer, and the last would wait for ever. */
  private scale(frame: Frame, sprite: Sprite, key: number): Scaled {
    const smooth = this.scalingLeft > 0;
    const { width, height, dimmed } = sprite;
    const { theme } = frame;
    const kept = this.scaled.get(key);
    const fits = kept?.width === width && kept.height === height && kept.dimmed === dimmed && kept.theme === theme;
    if (kept && fits && (kept.smooth || !smooth)) return kept;
    const begin = performance.now();
    const pixels = scalePicture(sprite, theme.background, smooth);
    this.scalingLeft -= performance.now() - begin;
    const made = { pixels, width, height, dimmed, smooth, theme };
    this.scaled.delete(key);
    this.scaled.set(key, made);
    // Maps keep the order of insertion: the first is the one made longest ago.
    if (this.scaled.size > MOST_SCALED) this.scaled.delete(this.scaled.keys().next().value!);
    return made;
  }

  private layer(size: SpriteSize, number: number): Uint32Array {
    const key = `${size}/${number}`;
    const known = this.layers.get(key);
    if (known) return known;
    const made = new Uint32Array(LAYER * LAYER);
    this.layers.set(key, made);
    return made;
  }
}

function keyAt({ size, data }: SpriteBatch, i: number): number {
  const at = i * STRIDE;
  return keyOf(size, data[at + 5]!, data[at + 6]!, data[at + 7]!);
}

/** One number for a cell of a layer. */
function keyOf(size: SpriteSize, layer: number, left: number, top: number): number {
  return ((size * 64 + layer) * LAYER + left) * LAYER + top;
}
