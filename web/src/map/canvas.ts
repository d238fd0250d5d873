import { css, type Rgb } from "./palette";
import type { PointStore } from "./points";
import { type Frame, FRESH, LABELLED, PRESENT, type Renderer, SELECTED, STRIDE } from "./renderer";
import { LAYER, place, type SpriteSize } from "./sprites";

/** The most dots that are drawn without a graphics processor. */
const MOST_DOTS = 50_000;

/** Draws the same map with Canvas-2D, where the browser has no WebGL2. */
export class CanvasRenderer implements Renderer {
  readonly kind = "canvas";
  private points: PointStore | null = null;
  private style: Uint8Array = new Uint8Array(0);
  private readonly layers = new Map<string, CanvasRenderingContext2D>();

  static create(canvas: HTMLCanvasElement): CanvasRenderer | null {
    const context = canvas.getContext("2d", { alpha: false });
    return context ? new CanvasRenderer(context, canvas) : null;
  }

  private constructor(
    private readonly context: CanvasRenderingContext2D,
    private readonly canvas: HTMLCanvasElement,
  ) {}

  resize(width: number, height: number): void {
    this.canvas.width = width;
    this.canvas.height = height;
  }

  positions(points: PointStore): void {
    this.points = points;
  }

  styles(styles: Uint8Array): void {
    this.style = styles;
  }

  upload(size: SpriteSize, slot: number, mosaic: ImageData, cell: number): void {
    const to = place(size, slot);
    const from = place(size, cell);
    this.layer(size, to.layer).putImageData(mosaic, to.x - from.x, to.y - from.y, from.x, from.y, size, size);
  }

  draw(frame: Frame): void {
    const { context, canvas } = this;
    context.globalAlpha = 1;
    context.fillStyle = css(frame.theme.background);
    context.fillRect(0, 0, canvas.width, canvas.height);
    this.drawDots(frame);
    for (const { size, count, data } of frame.batches)
      for (let i = 0; i < count; i += 1) this.drawSprite(frame, size, data.subarray(i * STRIDE, (i + 1) * STRIDE));
    context.globalAlpha = 1;
  }

  dispose(): void {
    this.layers.clear();
  }

  private drawDots(frame: Frame): void {
    const { context, points, style } = this;
    if (!points) return;
    const { camera, density } = frame;
    const most = Math.min(points.size, frame.dots, MOST_DOTS);
    for (let id = 0; id < most; id += 1) {
      const bits = style[4 * id + 3]!;
      if (!(bits & PRESENT)) continue;
      const x = camera.screenX(points.x(id)) * density;
      const y = camera.screenY(points.y(id)) * density;
      if (x < 0 || y < 0 || x > this.canvas.width || y > this.canvas.height) continue;
      const dimmed = frame.dim && !(bits & SELECTED);
      context.globalAlpha = (dimmed ? 0.25 : bits & (LABELLED | SELECTED) ? 0.95 : 0.62) * (bits & FRESH ? frame.t : 1);
      context.fillStyle =
        bits & LABELLED
          ? `rgb(${style[4 * id]} ${style[4 * id + 1]} ${style[4 * id + 2]})`
          : css(bits & SELECTED ? frame.theme.ring : frame.theme.dot);
      const side = frame.dotSize * density;
      context.fillRect(x - side / 2, y - side / 2, side, side);
    }
  }

  private drawSprite(frame: Frame, size: SpriteSize, sprite: Float32Array): void {
    const { context } = this;
    const [ax, ay, bx, by, aspect, layer, left, top, r, g, b, labelled, alpha, selected, hovered, fresh] =
      sprite as unknown as number[];
    const { camera, density, t } = frame;
    const shapeX = Math.min(1, aspect!);
    const shapeY = Math.min(1, 1 / aspect!);
    const side = frame.spriteSize * density * (1 + 0.12 * hovered!);
    const width = Math.max(2, Math.round(shapeX * side));
    const height = Math.max(2, Math.round(shapeY * side));
    const x = Math.round(camera.screenX(ax! + (bx! - ax!) * t) * density - width / 2);
    const y = Math.round(camera.screenY(ay! + (by! - ay!) * t) * density - height / 2);
    const dimmed = frame.dim && !selected;
    const seen = alpha! * (fresh ? t : 1);
    const border = (color: Rgb, reach: number): void => {
      context.fillStyle = css(color);
      context.fillRect(x - reach, y - reach, width + 2 * reach, height + 2 * reach);
    };
    const band = labelled ? Math.round(2 * density) : 0;
    context.globalAlpha = seen;
    border(frame.theme.background, band + (selected ? 3 : 1) * density);
    if (selected) border(frame.theme.ring, band + 2 * density);
    context.globalAlpha = seen * (dimmed ? 0.4 : 1);
    if (labelled) border([r! * 255, g! * 255, b! * 255], band);
    const cellX = left! + (size * (1 - shapeX)) / 2;
    const cellY = top! + (size * (1 - shapeY)) / 2;
    const source = this.layer(size, layer!).canvas;
    context.drawImage(source, cellX, cellY, size * shapeX, size * shapeY, x, y, width, height);
  }

  private layer(size: SpriteSize, number: number): CanvasRenderingContext2D {
    const key = `${size}/${number}`;
    const known = this.layers.get(key);
    if (known) return known;
    const canvas = document.createElement("canvas");
    canvas.width = LAYER;
    canvas.height = LAYER;
    const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true })!;
    this.layers.set(key, context);
    return context;
  }
}
