import type { Camera } from "./camera";
import type { Bounds } from "./polygon";
import type { PointStore } from "./points";
import { drawnAspect, FRESH, LABELLED, type Renderer, SELECTED, type SpriteBatch, STRIDE } from "./renderer";
import { LAYERS, perLayer, place, sharpSize, SlotCache, SPRITE_SIZES, type SpriteSize } from "./sprites";
import { type FetchMosaic, type Mosaic, ThumbnailLoader } from "./thumbnails";

const FADE_MS = 160;
/** A thumbnail that the server did not have is asked for again after this long, when the view asks for it. */
const ABSENT_MS = 10_000;

/** What the arrangement of one picture depends on. */
export interface Arrangement {
  points: PointStore;
  camera: Camera;
  winners: Uint32Array;
  /** See `StyleSheet`. */
  styles: Uint32Array;
  /** The thumbnails' largest side in device px and in CSS px. */
  pixels: number;
  size: number;
  now: number;
  /** Whether thumbnails appear at once instead of fading in. */
  instant: boolean;
}

/** The thumbnails on the map: which are shown, how far each has faded in, and in which slot its pixels lie. */
export class SpriteStage {
  hovered = -1;
  batches: SpriteBatch[] = SPRITE_SIZES.map((size) => ({ size, count: 0, data: new Float32Array(0) }));
  private readonly caches = new Map<SpriteSize, SlotCache>();
  private readonly loader: ThumbnailLoader;
  /** Alpha by item id, of what is shown or fading out. */
  private alphas = new Map<number, number>();
  private lastNow = 0;
  private wish = NaN;
  /** The items whose pictures lie in the view, and the size that is sharp for them. */
  private asked: { ids: readonly number[]; size: SpriteSize } = { ids: [], size: 64 };
  /** When the server did not have an item's thumbnail, by item id. */
  private readonly absent = new Map<number, number>();

  constructor(
    private readonly renderer: Renderer,
    fetch: FetchMosaic,
    private readonly changed: () => void,
  ) {
    this.loader = new ThumbnailLoader(fetch, (mosaic) => this.receive(mosaic));
  }

  get shownCount(): number {
    return this.batches.reduce((sum, batch) => sum + batch.count, 0);
  }

  /** How many pictures the view asks for, and how many of them are here as sharp as they are drawn. */
  get sharpness(): { wanted: number; sharp: number } {
    const { ids, size } = this.asked;
    return { wanted: ids.length, sharp: ids.filter((id) => this.cache(size).find(id) >= 0).length };
  }

  /** The slots' pixels are lost. */
  forget(): void {
    for (const cache of this.caches.values()) cache.clear();
    this.alphas.clear();
    this.wish = NaN;
  }

  /** Say what lies below transparent pictures: 0xRRGGBB. */
  layOn(ground: number): void {
    if (ground === this.loader.ground) return;
    this.loader.ground = ground;
    this.expire();
  }

  /** The pictures may have changed: fetch them anew, and show what there is until they come. */
  expire(): void {
    for (const cache of this.caches.values()) cache.expire();
    this.absent.clear();
    this.wish = NaN;
  }

  /** Fill the batches; return whether a thumbnail is still fading. */
  arrange(what: Arrangement): boolean {
    const { winners, points, camera, now } = what;
    const reach = what.size / camera.scale;
    const view = camera.view();
    const inView: number[] = [];
    const around: number[] = [];
    for (const id of winners) {
      const x = points.b[2 * id]!;
      const y = points.b[2 * id + 1]!;
      const inside = x > view.x0 - reach && x < view.x1 + reach && y > view.y0 - reach && y < view.y1 + reach;
      (inside ? inView : around).push(id);
    }
    this.asked = { ids: inView, size: sharpSize(what.pixels) };
    this.askFor(inView, around, this.asked.size);
    const fading = this.fade(inView, what);
    this.fillBatches(what, now);
    return fading;
  }

  /** The topmost shown thumbnail that covers a place of the screen, or -1. */
  pick(points: PointStore, camera: Camera, size: number, screenX: number, screenY: number): number {
    let top = -1;
    for (const id of this.alphas.keys()) {
      if (top >= 0 && id >= top) continue; // lower ids are drawn above
      const { x0, y0, x1, y1 } = boxOf(id, points, camera, size);
      if (screenX >= x0 && screenX <= x1 && screenY >= y0 && screenY <= y1) top = id;
    }
    return top;
  }

  /** The places of the shown thumbnails, in px of the screen. */
  boxes(points: PointStore, camera: Camera, size: number): Bounds[] {
    return [...this.alphas.keys()].filter((id) => points.has(id)).map((id) => boxOf(id, points, camera, size));
  }

  private askFor(inView: number[], around: number[], size: SpriteSize): void {
    const wish = hash([size, inView.length, ...inView, ...around]);
    if (wish === this.wish) return;
    this.wish = wish;
    const lately = Date.now() - ABSENT_MS;
    const missing = (ids: number[], of: SpriteSize): number[] =>
      ids.filter((id) => !this.cache(of).isFresh(id) && (this.absent.get(id) ?? -Infinity) < lately);
    // Something at once, then sharp, then what one may pan to. What no slot could hold is not asked for.
    const lists = [{ size, ids: missing(inView.slice(0, this.cache(size).capacity), size) }];
    if (size !== 64) lists.unshift({ size: 64, ids: missing(inView, 64).filter((id) => this.best(id, size) === null) });
    lists.push({ size: 64, ids: missing(around, 64) });
    this.loader.want(lists);
  }

  private receive({ size, ids, image, missing }: Mosaic): void {
    const cache = this.cache(size);
    let stored = 0;
    ids.forEach((id, cell) => {
      if (missing.has(cell)) return void this.absent.set(id, Date.now());
      const slot = cache.claim(id, this.lastNow);
      if (slot < 0) return;
      this.renderer.upload(size, slot, image, cell);
      stored += 1;
    });
    // Where every slot is in use, asking again would go on for ever.
    if (stored > 0) this.wish = NaN;
    this.changed();
  }

  private cache(size: SpriteSize): SlotCache {
    const known = this.caches.get(size);
    if (known) return known;
    const made = new SlotCache(LAYERS[size] * perLayer(size));
    this.caches.set(size, made);
    return made;
  }

  /** The size nearest to the wanted one whose pixels are here. */
  private best(id: number, wanted: SpriteSize): SpriteSize | null {
    if (this.cache(wanted).find(id) >= 0) return wanted;
    for (const size of [256, 128, 64] as const) if (this.caches.get(size) && this.cache(size).find(id) >= 0) return size;
    return null;
  }

  /** Move every alpha towards what it should be; return whether one still differs. */
  private fade(inView: number[], what: Arrangement): boolean {
    const step = what.instant ? 1 : Math.min(1, Math.max(0, what.now - this.lastNow) / FADE_MS);
    this.lastNow = what.now;
    const wanted = sharpSize(what.pixels);
    const alphas = new Map<number, number>();
    let fading = false;
    for (const id of inView) {
      if (this.best(id, wanted) === null || !what.points.has(id)) continue;
      const alpha = Math.min(1, (this.alphas.get(id) ?? 0) + step);
      alphas.set(id, alpha);
      fading ||= alpha < 1;
    }
    for (const [id, before] of this.alphas) {
      if (alphas.has(id) || before - step <= 0 || !what.points.has(id)) continue;
      alphas.set(id, before - step);
      fading = true;
    }
    this.alphas = alphas;
    return fading;
  }

  private fillBatches(what: Arrangement, now: number): void {
    const wanted = sharpSize(what.pixels);
    // Lower ids lie above higher ones, what is selected above what is not, and what is hovered above all.
    const rank = (id: number): number =>
      id === this.hovered ? 2 : ((what.styles[id] ?? 0) >>> 24) & SELECTED ? 1 : 0;
    const order = [...this.alphas.keys()].sort((a, b) => rank(a) - rank(b) || b - a);
    for (const batch of this.batches) {
      batch.count = 0;
      if (batch.data.length < order.length * STRIDE) batch.data = new Float32Array(order.length * 2 * STRIDE);
    }
    for (const id of order) {
      const size = this.best(id, wanted);
      const batch = this.batches.find((candidate) => candidate.size === size);
      if (!size || !batch) continue;
      const slot = this.cache(size).find(id);
      this.cache(size).touch(slot, now);
      this.write(batch, id, slot, what);
    }
  }

  private write(batch: SpriteBatch, id: number, slot: number, { points, styles }: Arrangement): void {
    const { layer, x, y } = place(batch.size, slot);
    const word = styles[id] ?? 0;
    const bits = word >>> 24;
    const at = batch.count * STRIDE;
    const { data } = batch;
    data[at] = points.a[2 * id]!;
    data[at + 1] = points.a[2 * id + 1]!;
    data[at + 2] = points.b[2 * id]!;
    data[at + 3] = points.b[2 * id + 1]!;
    data[at + 4] = drawnAspect(points.aspect[id]!);
    data[at + 5] = layer;
    data[at + 6] = x;
    data[at + 7] = y;
    for (let c = 0; c < 3; c += 1) data[at + 8 + c] = ((word >>> (8 * c)) & 255) / 255;
    data[at + 11] = bits & LABELLED ? 1 : 0;
    data[at + 12] = this.alphas.get(id)!;
    data[at + 13] = bits & SELECTED ? 1 : 0;
    data[at + 14] = id === this.hovered ? 1 : 0;
    data[at + 15] = bits & FRESH ? 1 : 0;
    batch.count += 1;
  }
}

/** Where an item's thumbnail lies, in px of the screen. */
function boxOf(id: number, points: PointStore, camera: Camera, size: number): Bounds {
  const aspect = drawnAspect(points.aspect[id]!);
  const halfW = (size * Math.min(1, aspect)) / 2;
  const halfH = (size * Math.min(1, 1 / aspect)) / 2;
  const [x, y] = [camera.screenX(points.x(id)), camera.screenY(points.y(id))];
  return { x0: x - halfW, y0: y - halfH, x1: x + halfW, y1: y + halfH };
}

/** One number for many (FNV-1a): the same for the same numbers in the same order, and hardly for any others. */
function hash(values: readonly number[]): number {
  let sum = 0x811c9dc5;
  for (const value of values) sum = Math.imul(sum ^ value, 0x01000193);
  return sum;
}
