import { get, writable } from "svelte/store";
import { Selection } from "../labels/selection";
import type { WireFilter } from "../look/filters";
import { Stroke } from "../map/brush";
import { idsOf, type Items } from "../map/marked";
import type { Bounds, Polygon } from "../map/polygon";
import type { Scene } from "../map/scene";
import type { DrawingTool, Shape } from "../map/shapes";

export type Tool = DrawingTool | "pan";
/** How a new selection meets the one there is. */
export type Mode = "new" | "add" | "remove";

/** What is selected, what a lasso would select while it is drawn, and with which tool. */
export class Selecting {
  readonly selection = writable(Selection.EMPTY);
  /** What a lasso that is being drawn would select; null: none is drawn. */
  readonly preview = writable<Selection | null>(null);
  /** The item under the pointer, on the map or in the tray; -1: none. */
  readonly hovered = writable(-1);
  readonly tool = writable<Tool>("lasso");
  /** The brush's radius in px. */
  readonly brush = writable(24);
  /** Whether the items are spread apart. */
  readonly spread = writable(false);
  /** Whether one finger draws with the tool; else it moves the map. */
  fingerDraws = false;
  scene: Scene | null = null;
  /** Maps beside the main one, which show the same items in the same way. */
  readonly besides = new Set<Scene>();
  /** What the filters let through: a lasso takes nothing else. */
  passes: (id: number) => boolean = () => true;
  filter: () => WireFilter | null = () => null;
  /** All of so many items that were to be selected are held back by the filters. */
  heldBack: (count: number) => void = () => undefined;
  /** What the brush has covered since it was put down. */
  private stroke: Stroke | null = null;

  constructor() {
    this.selection.subscribe((selection) => {
      if (selection.isEmpty) this.hovered.set(-1); // what was hovered in the tray is gone with it
    });
    this.hovered.subscribe((id) => this.scenes.forEach((scene) => scene.setHovered(id)));
    this.spread.subscribe((on) => this.scenes.forEach((scene) => scene.spread(on)));
  }

  /** Every map on show. */
  get scenes(): Scene[] {
    return this.scene ? [this.scene, ...this.besides] : [];
  }

  /** Spread the items apart, or let them go back; false where a shape is being drawn: what it lies on stays. */
  turnSpread(): boolean {
    if (this.scenes.some((scene) => scene.isHeld)) return false;
    this.spread.update((on) => !on);
    return true;
  }

  /** What the map shows as selected. */
  get shown(): Selection {
    return get(this.preview) ?? get(this.selection);
  }

  /** The items under a shape drawn on a map; `all`: it was drawn around everything, by no hand. */
  under(shape: Shape, scene = this.scene, all = false): Selection {
    if (!scene || scene.map === null) return Selection.EMPTY;
    const under = this.itemsUnder(shape, scene);
    const items = this.filter() === null ? under : this.admitted(idsOf(under));
    if (scene.isSpread) return Selection.drawn(items, all ? "all" : shape.kind);
    return shape.kind === "brush"
      ? Selection.brush(items, scene.map, shape.path, shape.radius, this.filter())
      : Selection.lasso(items, scene.map, shape.polygon, all ? "all" : shape.kind, this.filter());
  }

  private itemsUnder(shape: Shape, scene: Scene): Items {
    if (shape.kind !== "brush") return scene.inside(shape.polygon);
    this.stroke ??= new Stroke(scene.points.b, shape.radius, (box) => scene.inside(rectangle(box)).ids);
    return this.stroke.along(shape.path);
  }

  /** Those of some items that pass the filters. */
  admitted(ids: Uint32Array): Uint32Array {
    return this.filter() === null ? ids : ids.filter(this.passes);
  }

  /** Take what was drawn into the selection; null: the drawing was given up. */
  take(shape: Shape | null, mode: Mode, scene = this.scene, all = false): void {
    const drawn = shape && this.under(shape, scene, all);
    const held = drawn?.isEmpty ? this.countUnder(shape!, scene) : 0;
    this.stroke = null;
    this.showPreview(null, mode);
    if (held > 0) this.heldBack(held);
    else if (drawn) this.select(drawn, mode);
  }

  /** How many items are under a shape, whatever the filters say. */
  private countUnder(shape: Shape, scene: Scene | null): number {
    return !scene || scene.map === null ? 0 : idsOf(this.itemsUnder(shape, scene)).length;
  }

  /** Select what was drawn, pointed at or found, as far as the filters let it through. */
  select(drawn: Selection, mode: Mode = "new"): void {
    const taken = mode === "remove" || this.filter() === null ? drawn : drawn.passing(this.passes);
    if (taken.isEmpty && !drawn.isEmpty) return this.heldBack(drawn.count);
    this.selection.update((before) => joined(before, taken, mode));
  }

  selectAll(): void {
    this.take({ kind: "box", polygon: Float64Array.of(-1, -1, 2, -1, 2, 2, -1, 2) }, "new", this.scene, true);
  }

  /** Select everything on the map that is not selected and passes the filters. */
  invert(): void {
    const admitted = this.admitted(this.onMap());
    this.selection.update((before) => {
      const rest = before.inverted(this.onMap());
      if (admitted.length > 0 || rest.isEmpty) return before.inverted(admitted);
      this.heldBack(rest.count);
      return before;
    });
  }

  /** Make the brush thicker or thinner. */
  resizeBrush(factor: number): void {
    this.brush.update((radius) => Math.min(160, Math.max(6, Math.round(radius * factor))));
  }

  /** Every item on the map. */
  onMap(): Uint32Array {
    return this.scene?.points.ids ?? new Uint32Array(0);
  }

  /** Select those items on the map that `wanted` holds of. */
  selectWhere(wanted: (id: number) => boolean): void {
    this.select(Selection.of(this.onMap().filter(wanted)));
  }

  toggleStranger(id: number): void {
    this.selection.update((selection) => selection.toggle(id));
  }

  /** Show what a lasso would select while it is drawn; null: show the selection again. */
  showPreview(drawn: Selection | null, mode: Mode): void {
    this.preview.set(drawn && joined(get(this.selection), drawn, mode));
  }
}

function joined(before: Selection, drawn: Selection, mode: Mode): Selection {
  return mode === "add" ? before.plus(drawn) : mode === "remove" ? before.minus(drawn) : drawn;
}

function rectangle({ x0, y0, x1, y1 }: Bounds): Polygon {
  return Float64Array.of(x0, y0, x1, y0, x1, y1, x0, y1);
}
