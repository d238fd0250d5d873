import { opaque } from "./dots";
import type { Rgb } from "./palette";
import { type Frame, type SpriteBatch, STRIDE } from "./renderer";
import { LAYER } from "./sprites";

/** An array of px that is drawn into. */
export interface Sheet {
  pixels: Uint32Array;
  width: number;
  height: number;
}

/** One thumbnail: where its left upper corner is, its size, and everything that its look depends on. */
export interface Sprite {
  x: number;
  y: number;
  width: number;
  height: number;
  /** The layer's px (LAYER across), and the picture's box within it. */
  source: Uint32Array;
  left: number;
  top: number;
  across: number;
  down: number;
  label: number | null;
  alpha: number;
  selected: boolean;
  dimmed: boolean;
  /** Whether it lies on ground of its own: what is below does not show through. */
  apart: boolean;
  radius: number;
  density: number;
}

/** Read the i-th sprite of a batch (see STRIDE) into whole px; `sourceOf` gives a layer's px. */
export function spriteOf(frame: Frame, batch: SpriteBatch, i: number, sourceOf: (layer: number) => Uint32Array): Sprite {
  const { camera, density, t } = frame;
  const { size, data } = batch;
  const at = i * STRIDE;
  const value = (k: number): number => data[at + k]!;
  const shapeX = Math.min(1, value(4));
  const shapeY = Math.min(1, 1 / value(4));
  const side = frame.spriteSize * density * (1 + 0.12 * value(14));
  const width = Math.max(2, Math.round(shapeX * side));
  const height = Math.max(2, Math.round(shapeY * side));
  const selected = value(13) > 0;
  return {
    x: Math.round(camera.screenX(value(0) + (value(2) - value(0)) * t) * density - width / 2),
    y: Math.round(camera.screenY(value(1) + (value(3) - value(1)) * t) * density - height / 2),
    width,
    height,
    source: sourceOf(value(5)),
    left: value(6) + (size * (1 - shapeX)) / 2,
    top: value(7) + (size * (1 - shapeY)) / 2,
    across: size * shapeX,
    down: size * shapeY,
    label: value(11) > 0 ? opaque([value(8) * 255, value(9) * 255, value(10) * 255]) : null,
    alpha: Math.round(256 * value(12) * (value(15) > 0 ? t : 1)),
    selected,
    dimmed: frame.dim && !selected,
    apart: frame.apart,
    radius: Math.min(4 * density, side * 0.07),
    density,
  };
}

/** A sprite of less than so many CSS px has no gap around it, and thin bands. */
const TINY = 16;

/** Draw a sprite's frame: a thin gap that parts it from what lies below, the selection ring, the label's band. */
export function paintFrame(sheet: Sheet, sprite: Sprite, background: Rgb, ring: Rgb): void {
  const { density, label, selected } = sprite;
  const side = Math.max(sprite.width, sprite.height);
  const tiny = side < TINY * density; // its frame must not cover its neighbours
  const least = tiny ? density : 1.5 * density;
  const band = label === null ? 0 : Math.round(Math.max(least, Math.min(3 * density, side * 0.045)));
  const around = selected ? Math.round((tiny ? 1 : 2) * density) : 0;
  const solid = isSolid(sprite);
  const gap = tiny || !solid ? 0 : Math.max(1, Math.round(density));
  // Rounded corners reach into the picture's box: only an opaque picture covers what is too much of them there.
  const box = solid ? sprite : { ...sprite, radius: 0 };
  paintBorder(sheet, box, band + around + gap, opaque(background), sprite.alpha);
  if (selected) paintBorder(sheet, box, band + around, opaque(ring), sprite.alpha);
  if (label !== null) paintBorder(sheet, box, band, label, sprite.dimmed ? (sprite.alpha * 115) >> 8 : sprite.alpha);
  if (sprite.apart && !solid) fillBox(sheet, sprite, opaque(background));
}

function fillBox(sheet: Sheet, { x, y, width, height, alpha }: Sprite, colour: number): void {
  for (let row = y; row < y + height; row += 1) fillRow(sheet, row, x, x + width, colour, alpha);
}

/** Whether the picture reaches into its corners: then a gap parts it from what lies below, else that shows through. */
function isSolid({ source, left, top, across, down }: Sprite): boolean {
  const at = (x: number, y: number): number => source[Math.floor(top + y * down) * LAYER + Math.floor(left + x * across)]! >>> 24;
  return Math.min(at(0.05, 0.05), at(0.95, 0.05), at(0.05, 0.95), at(0.95, 0.95)) > 127;
}

/** Fill the sprite's box, `reach` px larger on every side, but for the middle that its picture will cover. */
function paintBorder(sheet: Sheet, { x, y, width, height, radius }: Sprite, reach: number, colour: number, alpha: number): void {
  const corner = Math.ceil(radius);
  const outer = Math.round(radius + reach * 0.7);
  const [x0, y0, w, h] = [x - reach, y - reach, width + 2 * reach, height + 2 * reach];
  for (let row = 0; row < h; row += 1) {
    const inset = cornerInset(outer, Math.min(row, h - 1 - row));
    const edge = row < reach + corner || row >= h - reach - corner;
    const side = Math.min(reach + corner, w >> 1);
    if (edge) fillRow(sheet, y0 + row, x0 + inset, x0 + w - inset, colour, alpha);
    else {
      fillRow(sheet, y0 + row, x0, x0 + side, colour, alpha);
      fillRow(sheet, y0 + row, x0 + w - side, x0 + w, colour, alpha);
    }
  }
}

/** Px that a rounded corner takes from a row, counted from the box's edge. */
function cornerInset(radius: number, row: number): number {
  if (row >= radius) return 0;
  const rise = radius - row - 0.5;
  return Math.round(radius - Math.sqrt(Math.max(0, radius * radius - rise * rise)));
}

function fillRow({ pixels, width, height }: Sheet, y: number, from: number, to: number, colour: number, alpha: number): void {
  if (y < 0 || y >= height) return;
  const end = y * width + Math.min(width, to);
  for (let at = y * width + Math.max(0, from); at < end; at += 1) pixels[at] = mixed(pixels[at]!, colour, alpha);
}

/** Copy a scaled picture (width x height px) onto its sprite's place, its corners rounded. */
export function paintPicture(sheet: Sheet, sprite: Sprite, scaled: Uint32Array): void {
  const { pixels, width: across, height: down } = sheet;
  const { x, y, width, height, alpha, radius } = sprite;
  const first = Math.max(0, -x);
  const last = Math.min(width, across - x);
  for (let row = Math.max(0, -y); row < Math.min(height, down - y); row += 1) {
    const inset = cornerInset(radius, Math.min(row, height - 1 - row));
    const from = Math.max(first, inset);
    const to = Math.min(last, width - inset);
    const source = row * width;
    const target = (y + row) * across + x;
    for (let i = from; i < to; i += 1) {
      const seen = scaled[source + i]!;
      if (seen < SOLID) pixels[target + i] = over(pixels[target + i]!, seen, alpha);
      else pixels[target + i] = alpha >= 256 ? seen : mixed(pixels[target + i]!, seen, alpha);
    }
  }
}

/** Scale a sprite's picture to its size: the nearest px where it must be quick, else the four nearest, weighed. */
export function scalePicture(sprite: Sprite, background: Rgb, smooth: boolean): Uint32Array {
  const { width, height, source, left, top, across, down } = sprite;
  const scaled = new Uint32Array(width * height);
  const [stepX, stepY] = [across / width, down / height];
  // Never beyond the picture's own px: its neighbours in the layer are other pictures.
  const [mostX, mostY] = [Math.floor(left + across - 1e-6), Math.floor(top + down - 1e-6)];
  for (let y = 0; y < height; y += 1) {
    const at = top + (y + 0.5) * stepY;
    const y0 = smooth ? Math.max(Math.floor(top), Math.floor(at - 0.5)) : Math.floor(at);
    const y1 = Math.min(mostY, y0 + 1);
    const down256 = smooth ? Math.max(0, Math.min(256, Math.round((at - 0.5 - y0) * 256))) : 0;
    for (let x = 0; x < width; x += 1) {
      const along = left + (x + 0.5) * stepX;
      if (!smooth) {
        scaled[y * width + x] = source[y0 * LAYER + Math.floor(along)]!;
        continue;
      }
      const x0 = Math.max(Math.floor(left), Math.floor(along - 0.5));
      const x1 = Math.min(mostX, x0 + 1);
      const right256 = Math.max(0, Math.min(256, Math.round((along - 0.5 - x0) * 256)));
      const above = between(source[y0 * LAYER + x0]!, source[y0 * LAYER + x1]!, right256);
      const below = between(source[y1 * LAYER + x0]!, source[y1 * LAYER + x1]!, right256);
      scaled[y * width + x] = between(above, below, down256);
    }
  }
  if (sprite.dimmed) dim(scaled, opaque(background));
  return scaled;
}

/** Take most colour and most contrast from a picture that is not selected. */
function dim(pixels: Uint32Array, background: number): void {
  for (let i = 0; i < pixels.length; i += 1) {
    const word = pixels[i]!;
    const grey = (77 * (word & 255) + 151 * ((word >>> 8) & 255) + 28 * ((word >>> 16) & 255)) >> 8;
    const faint = mixed(grey * 0x010101, word, 90);
    if (word >= SOLID) pixels[i] = mixed(background, faint, 102);
    else pixels[i] = ((mixed(between(0, background, opacityOf(word)), faint, 102) & 0xffffff) | (word & SOLID)) >>> 0;
  }
}

/** From here on a px is opaque. */
const SOLID = 0xff000000;

/** The opacity of a px, 0 to 256. */
function opacityOf(word: number): number {
  const opacity = word >>> 24;
  return opacity + (opacity >>> 7);
}

/** A px between two as `mixed` makes it, its opacity too between theirs. */
function between(one: number, other: number, part: number): number {
  if (one >= SOLID && other >= SOLID) return mixed(one, other, part);
  const opacity = ((one >>> 24) * (256 - part) + (other >>> 24) * part) >>> 8;
  return ((mixed(one, other, part) & 0xffffff) | (opacity << 24)) >>> 0;
}

/** A px under one that is weighed by its opacity, of which `alpha` (0 to 256) is there. */
function over(below: number, seen: number, alpha: number): number {
  const part = alpha >= 256 ? seen : between(0, seen, alpha);
  const rest = mixed(0, below, 256 - opacityOf(part));
  // What rounding adds must not run over into the next channel.
  const add = (shift: number): number => Math.min(255, ((rest >>> shift) & 255) + ((part >>> shift) & 255)) << shift;
  return (SOLID | add(16) | add(8) | add(0)) >>> 0;
}

/** A px between two: `alpha` (0 to 256) of the upper. */
function mixed(below: number, above: number, alpha: number): number {
  const rest = 256 - alpha;
  const redBlue = (Math.imul(below & 0xff00ff, rest) + Math.imul(above & 0xff00ff, alpha)) >>> 8;
  const green = Math.imul((below >>> 8) & 0xff, rest) + Math.imul((above >>> 8) & 0xff, alpha);
  return (0xff000000 | (redBlue & 0xff00ff) | (green & 0xff00)) >>> 0;
}
