import type { MapPoints } from "../api/columns";
import { between, Camera, type CameraView, ease, type Place } from "./camera";
import { baseSize, type Sizes, spreadSize, thumbnailSize, Winners } from "./lod";
import type { Around } from "./dots";
import { CellGrid } from "./grid";
import { DARK, numbered, type Theme } from "./palette";
import type { Marked } from "./marked";
import { PointStore } from "./points";
import type { Bounds, Polygon } from "./polygon";
import { FILTERED, type Frame, type Renderer } from "./renderer";
import { Spreading } from "./spread";
import { SpriteStage } from "./stage";
import { type Look, PLAIN, StyleSheet } from "./styles";
import type { FetchMosaic } from "./thumbnails";
import { inSlices } from "../ui/slices";

/** What the page tells tests and itself after every completed picture. */
export interface Drawn {
  points: number;
  visible: number;
  thumbnails: number;
  selected: number;
  labelled: number;
  map: number | null;
  /** Whether the items are spread apart, so that no pictures overlap. */
  spread: boolean;
}

const MOVE_MS = 1200;
const FADE_IN_MS = 450;
const GLIDE_MS = 320;
/** A picture is complete when nothing has moved for this long. */
const STILL_MS = 140;
/** A map whose shorter side is longer than this, in px, has larger dots. */
const LARGE = 1080;
const MOST_SPRITES = 4000;
const MOST_SPREAD = 8000;
/** How near to a dot the pointer must be, in px. */
const REACH = 7;
/** How long a frame may sort items into the grid, and choose who shows a picture, in ms. */
const SORT_MS = 3;
const CHOOSE_MS = 3;

/** Holds what is on the map and draws it when something changed, and only then. */
export class Scene {
  readonly points = new PointStore();
  readonly camera = new Camera();
  readonly winners = new Winners();
  map: number | null = null;
  /** Called after every completed picture, and after every picture, complete or not. */
  onDrawn: (drawn: Drawn) => void = () => undefined;
  onFrame: () => void = () => undefined;
  /** Called after a new map has taken its place: styles say who is on it. */
  onMap: () => void = () => undefined;
  reducedMotion = false;

  private readonly stage: SpriteStage;
  private readonly styles = new StyleSheet();
  private look: Look = PLAIN;
  private painted = DARK;
  /** Who was on the map when the styles were last written. */
  private styledIds: Uint32Array | null = null;
  private grid = CellGrid.of(this.points);
  private sizes: Sizes = { base: 44, most: 240 };
  private density = 1;
  private moving: { start: number; ms: number } | null = null;
  private glide: { from: CameraView; to: CameraView; start: number; ms: number; home: boolean } | null = null;
  /** While a lasso is drawn nothing moves: the map that came meanwhile, and whether the view follows the map. */
  private held: { map: { id: number; points: MapPoints } | null; follows: boolean } | null = null;
  /** The newest map as it came; what is shown may be spread apart. */
  private base: { id: number; points: MapPoints } | null = null;
  /** Whether the items are to be spread apart, and the side of the cells that they lie in; 0: they lie where they lie. */
  private spreads = false;
  private cell = 0;
  private giveUp = (): void => undefined;
  private lastMoved = -Infinity;
  private lastStyled = -Infinity;
  private scheduled = 0;
  private completion: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly renderer: Renderer,
    fetch: FetchMosaic,
  ) {
    this.camera.set(this.camera.fitted());
    this.camera.nearest = (x, y, reach, except) => {
      const id = this.grid.nearest(x, y, reach, except);
      return id < 0 ? null : { id, x: this.points.b[2 * id]!, y: this.points.b[2 * id + 1]! };
    };
    this.stage = new SpriteStage(renderer, fetch, () => this.requestDraw());
    this.theme = DARK;
  }

  get theme(): Theme {
    return this.painted;
  }

  set theme(theme: Theme) {
    this.painted = theme;
    this.stage.layOn(numbered(theme.background));
    this.requestDraw();
  }

  /** The newest map that has come, shown or held. */
  get newest(): number | null {
    return this.held?.map?.id ?? this.base?.id ?? null;
  }

  /** Whether a shape is being drawn, or may begin with the next move. */
  get isHeld(): boolean {
    return this.held !== null;
  }

  /** Whether the items lie apart now, not where the map has them. */
  get isSpread(): boolean {
    return this.cell > 0;
  }

  /** Stand still: finish what moves, and keep a map that comes until `release`. */
  hold(): void {
    if (this.held) return;
    this.held = { map: null, follows: this.glide?.home === true };
    this.glide = null;
    this.moving = null;
    this.points.t = 1;
    this.requestDraw();
  }

  /** Move again, to the map that came meanwhile if one did. */
  release(): void {
    const { held } = this;
    if (!held) return;
    this.held = null;
    if (held.follows) this.glideTo(this.camera.fitted(), { home: true });
    if (held.map) this.setMap(held.map.id, held.map.points);
  }

  /** Show a new map: what was there moves, what was not fades in. */
  setMap(id: number, points: MapPoints): void {
    if (this.held) {
      this.held.map = { id, points };
      return;
    }
    this.base = { id, points };
    this.lay();
  }

  /** Spread the items apart so that no pictures overlap, or let them go back where they lie. While held, once released. */
  spread(on: boolean): void {
    if (on === this.spreads) return;
    this.spreads = on;
    if (!this.held) this.lay();
    else if (this.base) this.held.map ??= this.base;
  }

  private lay(): void {
    this.giveUp();
    if (!this.base) return;
    const { id, points } = this.base;
    if (!this.spreads) return this.show(id, points, 0);
    const spreading = new Spreading(points);
    this.giveUp = inSlices(
      (ms) => spreading.advance(ms),
      () => {
        if (this.held) this.held.map ??= { id, points }; // laid anew when it is over
        else this.show(id, spreading.spread(), spreading.cell);
      },
    );
  }

  private show(id: number, points: MapPoints, cell: number): void {
    const seen = cell !== this.cell && !this.camera.isHome() ? this.middleItem() : -1;
    this.cell = cell;
    const first = this.map === null;
    this.map = id;
    this.points.set(points);
    const follows = this.camera.isHome() || this.glide?.home === true;
    this.camera.setHome(this.points.bounds);
    this.sizes = { ...this.sizes, base: baseSize(points.ids.length, this.camera.width, this.camera.height) };
    this.renderer.positions(this.points);
    this.grid = CellGrid.of(this.points);
    this.winners.invalidate();
    const ms = first ? FADE_IN_MS : MOVE_MS;
    this.moving = this.reducedMotion ? null : { start: performance.now(), ms };
    if (!this.moving) this.points.t = 1;
    // Who saw everything goes on seeing everything: the view moves as the items do.
    if (follows && first) this.camera.set(this.camera.fitted());
    else if (follows) this.glideTo(this.camera.fitted(), { ms: MOVE_MS, home: true });
    else if (seen >= 0 && this.points.has(seen)) this.follow(seen);
    this.onMap();
    this.requestDraw();
  }

  /** The item nearest to the middle of the view, or -1. */
  private middleItem(): number {
    const { cx, cy, scale, width, height } = this.camera;
    return this.grid.nearest(cx, cy, Math.hypot(width, height) / 2 / scale);
  }

  /** Keep an item in the middle of the view while everything moves. */
  private follow(id: number): void {
    const { b } = this.points;
    this.glideTo({ cx: b[2 * id]!, cy: b[2 * id + 1]!, scale: this.camera.scale }, { ms: MOVE_MS });
  }

  /** Fetch the pictures anew, and go on showing those there are until the new ones come. */
  renewPictures(): void {
    this.stage.expire();
    this.requestDraw();
  }

  /** Take how the items are to look. The arrays are kept: make new ones to change anything. */
  setStyles(look: Look): void {
    const filtered = look.passed !== this.look.passed;
    const { points, styles } = this;
    const repainted = filtered || look.colours !== this.look.colours || look.table !== this.look.table;
    const moved = this.styledIds !== points.ids;
    this.look = look;
    this.styledIds = points.ids;
    const changed = repainted || moved ? styles.apply(points, look) : styles.select(points, look.selected);
    if (filtered) this.winners.invalidate();
    if (changed.length === 0) return;
    this.lastStyled = performance.now();
    this.renderer.styles(this.styles.words, changed);
    this.requestDraw();
  }

  setHovered(id: number): void {
    if (this.stage.hovered === id) return;
    this.stage.hovered = id;
    this.requestDraw();
  }

  resize(width: number, height: number, density: number, corner: Place = this.camera.corner): void {
    const pixels = width * height * density ** 2;
    this.density = density * Math.min(1, Math.sqrt(this.renderer.mostPixels / Math.max(1, pixels)));
    if (this.held) {
      this.held.follows ||= this.camera.isHome();
      this.camera.stretch(width, height, corner);
    } else this.camera.resize(width, height, corner);
    this.sizes = { ...this.sizes, base: baseSize(this.points.ids.length, width, height) };
    this.renderer.resize(Math.round(width * this.density), Math.round(height * this.density));
    this.winners.invalidate();
    this.draw(performance.now());
  }

  /** Say that the camera moved. */
  moved(): void {
    this.lastMoved = performance.now();
    this.requestDraw();
  }

  /** Move the camera there, smoothly. */
  glideTo(to: CameraView, { ms = GLIDE_MS, home = false } = {}): void {
    if (this.held) return;
    if (this.reducedMotion) this.camera.set(to);
    else this.glide = { from: this.camera.current, to, start: performance.now(), ms, home };
    this.moved();
  }

  stopGlide(): void {
    this.glide = null;
  }

  /** The graphics context came back empty: give it everything again. */
  restore(): void {
    this.stage.forget();
    this.renderer.positions(this.points);
    this.renderer.styles(this.styles.words, [{ from: 0, to: this.points.size }]);
    this.requestDraw();
  }

  /** The item drawn at a place of the screen: a thumbnail that covers it, or the nearest dot; -1: none. */
  pick(screenX: number, screenY: number): number {
    const size = this.spriteSize;
    const shown = this.stage.pick(this.points, this.camera, size, screenX, screenY);
    if (shown >= 0) return shown;
    const { camera } = this;
    return this.grid.nearest(camera.mapX(screenX), camera.mapY(screenY), REACH / camera.scale);
  }

  /** What is inside a polygon of the map that is shown, wherever it is in its move to it. */
  inside(polygon: Polygon): Marked {
    return this.grid.marked(polygon);
  }

  /** Where the pictures lie that are on show, in px of the screen. */
  pictures(): Bounds[] {
    return this.stage.boxes(this.points, this.camera, this.spriteSize);
  }

  /** How many pictures the view asks for, and how many of them are here as sharp as they are drawn. */
  sharpness(): { wanted: number; sharp: number } {
    return this.stage.sharpness;
  }

  requestDraw(): void {
    if (this.scheduled === 0) this.scheduled = requestAnimationFrame((now) => this.draw(now));
  }

  dispose(): void {
    cancelAnimationFrame(this.scheduled);
    clearTimeout(this.completion);
    this.giveUp();
    this.renderer.dispose();
  }

  private draw(now: number): void {
    cancelAnimationFrame(this.scheduled);
    this.scheduled = 0;
    const animating = this.advance(now);
    const still = !animating && now - this.lastMoved > STILL_MS;
    const { allowed, cell } = this;
    const most = cell > 0 ? MOST_SPREAD : MOST_SPRITES;
    const chosen = this.winners.update(this.points, this.camera, this.sizes, most, { allowed, cell, ms: CHOOSE_MS });
    const { spriteSize } = this;
    const fading = this.stage.arrange({
      points: this.points,
      camera: this.camera,
      winners: this.winners.ids,
      styles: this.styles.words,
      pixels: spriteSize * this.density,
      size: spriteSize,
      now,
      instant: this.reducedMotion,
    });
    const hurry = !still || now - this.lastStyled < STILL_MS;
    const progress = this.renderer.draw(this.frame(spriteSize, still, hurry));
    const sorted = this.grid.advance(SORT_MS);
    this.onFrame();
    if (animating || fading || !chosen || !sorted || progress !== "complete") this.requestDraw();
    else if (still) this.onDrawn(this.drawn());
    else this.completeLater();
  }

  /** The thumbnails' largest side in CSS px. */
  private get spriteSize(): number {
    const { camera, cell, sizes, winners } = this;
    return cell > 0 ? spreadSize((winners.distance || cell) * camera.scale, sizes) : thumbnailSize(camera.zoom, sizes);
  }

  /** Nothing moves by itself: draw the complete picture once nobody has moved anything for a while. */
  private completeLater(): void {
    clearTimeout(this.completion);
    this.completion = setTimeout(() => this.requestDraw(), STILL_MS + 10);
  }

  /** Move what moves by the clock; return whether anything still does. */
  private advance(now: number): boolean {
    if (this.moving) {
      const part = Math.min(1, (now - this.moving.start) / this.moving.ms);
      this.points.t = ease(Math.max(0, part));
      if (part >= 1) this.moving = null;
    }
    if (this.glide) {
      const part = Math.min(1, (now - this.glide.start) / this.glide.ms);
      this.camera.set(between(this.glide.from, this.glide.to, ease(Math.max(0, part))));
      if (part >= 1) this.glide = null;
      this.lastMoved = now;
    }
    return this.moving !== null || this.glide !== null;
  }

  /** What a filter holds back shows no thumbnail. */
  private readonly allowed = (id: number): boolean => ((this.styles.words[id] ?? 0) >>> 24 & FILTERED) === 0;

  private readonly around: Around = (box, most) => this.grid.around(box, most);

  private frame(spriteSize: number, still: boolean, hurry: boolean): Frame {
    const crowd = Math.sqrt(2_000 / Math.max(2_000, this.points.ids.length));
    const large = Math.max(1, Math.min(this.camera.width, this.camera.height) / LARGE);
    return {
      camera: this.camera,
      density: this.density,
      t: this.points.t,
      dotSize: Math.min(9, large * (1.6 + 2.9 * crowd) * Math.max(1, this.camera.zoom) ** 0.25),
      spriteSize,
      batches: this.stage.batches,
      dim: this.styles.selected > 0,
      apart: this.isSpread && this.points.t === 1,
      still,
      hurry,
      theme: this.theme,
      around: this.around,
    };
  }

  private drawn(): Drawn {
    const { points, styles, map } = this;
    return {
      points: points.ids.length,
      visible: this.grid.count(this.camera.view()),
      thumbnails: this.stage.shownCount,
      selected: styles.selected,
      labelled: styles.coloured,
      map,
      spread: this.isSpread,
    };
  }
}
