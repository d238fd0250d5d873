import { get, writable } from "svelte/store";
import { Selection } from "../labels/selection";
import type { Polygon } from "../map/polygon";
import type { WireFilter } from "../look/filters";
import type { Scene } from "../map/scene";

export type Tool = "lasso" | "pan";
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
  scene: Scene | null = null;
  /** What the filters let through: a lasso takes nothing else. */
  passes: (id: number) => boolean = () => true;
  filter: () => WireFilter | null = () => null;

  constructor() {
    this.selection.subscribe((selection) => {
      if (selection.isEmpty) this.hovered.set(-1); // what was hovered in the tray is gone with it
    });
    this.hovered.subscribe((id) => this.scene?.setHovered(id));
  }

  /** What the map shows as selected. */
  get shown(): Selection {
    return get(this.preview) ?? get(this.selection);
  }

  /** The items inside a polygon of the map as it is drawn now. */
  inside(polygon: Polygon): Selection {
    const { scene } = this;
    if (!scene || scene.map === null) return Selection.EMPTY;
    return Selection.lasso(this.admitted(scene.inside(polygon)), scene.map, polygon, "lasso", this.filter());
  }

  /** Those of some items that pass the filters. */
  admitted(ids: Uint32Array): Uint32Array {
    return this.filter() === null ? ids : ids.filter(this.passes);
  }

  select(drawn: Selection, mode: Mode = "new"): void {
    this.selection.update((before) => joined(before, drawn, mode));
  }

  selectAll(): void {
    this.select(this.inside(Float64Array.of(-1, -1, 2, -1, 2, 2, -1, 2)));
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
