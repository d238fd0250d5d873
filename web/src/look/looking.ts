import { get, type Readable, writable } from "svelte/store";
import { reasonOf, type State } from "../api/client";
import type { PredictionColumns } from "../api/columns";
import { Missed } from "../api/missed";
import type { LabelView } from "../labels/labels";
import { classColour } from "../map/palette";
import type { Scene } from "../map/scene";
import type { Say, Saying } from "../session/saying";
import { type ColumnInfo, lookApi } from "./api";
import {
  type ColourBy,
  disagreement,
  type Legend,
  paintCategories,
  type Painting,
  paintRamp,
  sureClasses,
  UNPAINTED,
  UNSURE,
} from "./colours";
import { asksServer, chips, type Filters, ofItems, OPEN, passing, revived, wire, type WireFilter } from "./filters";
import { Pulse } from "./pulse";

/** The values of one column by item id, and the table of its categories. */
export interface ColumnValues {
  info: ColumnInfo;
  values: Float32Array;
  categories: readonly string[];
}

const AGREED = [{ name: "agree", colour: [86, 196, 158] }, { name: "disagree", colour: [255, 92, 122] }] as const;

/** What only a round of learning gives colours for. */
const PREDICTED: readonly { by: ColourBy; name: string }[] = [
  { by: { by: "prediction" }, name: "Prediction" },
  { by: { by: "confidence" }, name: "Confidence" },
  { by: { by: "disagreement" }, name: "Where label and prediction disagree" },
];

/** How the map is looked at: what colours the items, and which of them pass the filters. */
export class Looking {
  readonly colour = writable<ColourBy>({ by: "label" });
  readonly legend = writable<Legend>({ kind: "none" });
  readonly filters = writable<Filters>(OPEN);
  readonly columns = writable<readonly ColumnInfo[]>([]);
  /** How many items on the map pass; null where nothing is filtered. */
  readonly passCount = writable<number | null>(null);
  /** 1 by item id where the filters let it through; null where nothing is filtered. Not to be changed. */
  readonly passing = writable<Uint8Array | null>(null);
  readonly names = writable(true);
  readonly minimap = writable(true);
  /** When the main map was drawn. */
  readonly pulse = new Pulse();

  private readonly known = new Map<number, Promise<ColumnValues>>();
  private readonly ready = new Map<number, ColumnValues>();
  private painting = UNPAINTED;
  private paintedFrom: readonly unknown[] = [];
  private judgedFrom: readonly unknown[] = [];
  private named: Uint8Array | null = null;
  private passed: Uint8Array | null = null;
  private asked = "";
  private request = 0;
  private items = -1;
  // Nobody at the page asks again: what comes of that must not replace the answer to what somebody did.
  private readonly missedFilter = new Missed(() => void this.ask(get(this.filters), this.saying.late));
  private readonly missedColour = new Missed(() => this.fetchColour(this.saying.late));
  /** Under which name the filters are kept; empty until the workspace is known. */
  private kept = "";

  /** `changed` draws the items anew; `memory` keeps the filters through a reload. */
  constructor(
    state: Readable<State | null>,
    private readonly labels: Readable<LabelView>,
    /** What the round on show predicts. */
    readonly predictions: Readable<PredictionColumns | null>,
    private readonly changed: () => void,
    private readonly saying: Pick<Saying, "begin" | "late">,
    private readonly memory: Pick<Storage, "getItem" | "setItem"> | null = null,
  ) {
    this.colour.subscribe(() => {
      this.fetchColour(saying.begin());
      this.changed();
    });
    this.filters.subscribe((filters) => {
      this.keep(filters);
      void this.ask(filters, saying.begin());
    });
    predictions.subscribe(() => this.changed());
    state.subscribe((now) => void this.follow(now));
    for (const missed of [this.missedFilter, this.missedColour]) missed.follow(state);
  }

  get scene(): Scene | null {
    return this.pulse.scene;
  }

  set scene(scene: Scene | null) {
    this.pulse.scene = scene;
  }

  /** What the lasso has to obey, as the server is told; null: everything. */
  get filter(): WireFilter | null {
    return wire(get(this.filters));
  }

  /** Colour and mask of every item for the map; made anew only where something they are made of has changed. */
  paint(): { painting: Painting; passed: Uint8Array | null } {
    const { points } = this.scene ?? { points: null };
    if (!points) return { painting: UNPAINTED, passed: null };
    const labels = get(this.labels);
    const colour = get(this.colour);
    const shown = colour.by === "column" ? this.ready.get(colour.id) : undefined;
    const from = [colour, labels, get(this.predictions), points.ids, shown];
    if (differs(from, this.paintedFrom)) {
      this.paintedFrom = from;
      this.painting = this.painted(points.ids, points.size);
      this.legend.set(this.painting.legend);
    }
    const judged = [get(this.filters), labels, this.named, points.ids];
    if (differs(judged, this.judgedFrom)) {
      this.judgedFrom = judged;
      this.passed = passing(get(this.filters), points.size, this.named, labels.classOf);
      this.passing.set(this.passed);
      this.passCount.set(this.passed && points.ids.reduce((sum, id) => sum + this.passed![id]!, 0));
    }
    return { painting: this.painting, passed: this.passed };
  }

  passes(id: number): boolean {
    return this.passed === null || this.passed[id] === 1;
  }

  /** A column with its values, fetched once; `say` tells what goes wrong with that. */
  column(id: number, say: Say): Promise<ColumnValues> {
    const known = this.known.get(id);
    if (known) return known;
    const fetched = this.fetch(id);
    fetched.then(
      (values) => this.ready.set(id, values),
      (error: unknown) => {
        this.known.delete(id);
        say(reasonOf(error), "problem");
      },
    );
    this.known.set(id, fetched);
    return fetched;
  }

  /** Everything that there is to colour by now, and what it is called. */
  colours(): { by: ColourBy; name: string }[] {
    return [
      { by: { by: "label" }, name: "Label" },
      ...(get(this.predictions) ? PREDICTED : []),
      ...get(this.columns).map(({ id, name }): { by: ColourBy; name: string } => ({ by: { by: "column", id }, name })),
    ];
  }

  /** The items of a legend's line that are on the map. */
  ofPlace(place: number): Uint32Array {
    const { colours } = this.painting;
    return (this.scene?.points.ids ?? new Uint32Array(0)).filter((id) => colours[id] === place);
  }

  private painted(ids: Uint32Array, size: number): Painting {
    const colour = get(this.colour);
    const { classOf, column, classes, colourOf } = get(this.labels);
    const guesses = get(this.predictions);
    const names = Array.from({ length: classes.reduce((most, { id }) => Math.max(most, id + 1), 0) }, (_, id) => ({
      name: classes.find((one) => one.id === id)?.name ?? "",
      colour: colourOf(id),
    }));
    if (colour.by === "label") return paintCategories(column, ids, names);
    if (colour.by === "column") return this.paintedColumn(colour.id, ids);
    if (colour.by === "nothing" || guesses === null) return UNPAINTED;
    if (colour.by === "prediction")
      return paintCategories(sureClasses(guesses, classOf, names.length), ids, [...names, UNSURE]);
    if (colour.by === "confidence")
      return paintRamp(Float32Array.from(guesses.confidence, (value, id) => (guesses.classes[id] === -1 ? NaN : value)), ids);
    return paintCategories(disagreement(size, classOf, (id) => judged(guesses, id)), ids, AGREED);
  }

  private paintedColumn(id: number, ids: Uint32Array): Painting {
    const column = this.ready.get(id);
    if (!column) return UNPAINTED;
    if (column.info.kind !== "category") return paintRamp(column.values, ids);
    return paintCategories(column.values, ids, column.categories.map((name, place) => ({ name, colour: classColour(place) })));
  }

  private async fetch(id: number): Promise<ColumnValues> {
    const info = get(this.columns).find((one) => one.id === id);
    if (!info) throw new Error(`There is no column ${id}.`);
    const [values, categories] = await Promise.all([lookApi.values(id), info.kind === "category" ? lookApi.categories(id) : []]);
    return { info, values, categories };
  }

  private async ask(filters: Filters, say: Say): Promise<void> {
    const asked = asksServer(filters) ? JSON.stringify(ofItems(filters)) : "";
    if (asked === "") {
      this.missedFilter.forget();
      this.named = null;
    }
    const same = asked === this.asked;
    this.asked = asked;
    if (same) return this.changed();
    const request = (this.request += 1); // the same filter may be asked for, given up, and asked for again
    if (asked === "") return this.changed();
    // Until the server has answered nothing is known to pass: what is selected meanwhile must not be too much.
    this.named ??= new Uint8Array(0);
    try {
      const ids = await this.missedFilter.watch(lookApi.passing(ofItems(filters)));
      if (this.request !== request) return;
      this.named = new Uint8Array((ids.at(-1) ?? -1) + 1);
      for (const id of ids) this.named[id] = 1;
    } catch (error) {
      if (this.request !== request) return;
      this.asked = "";
      say(reasonOf(error), "problem");
    }
    this.changed();
  }

  /** Fetch the column that colours the items. */
  private fetchColour(say: Say): void {
    const colour = get(this.colour);
    if (colour.by !== "column") return this.missedColour.forget();
    void this.missedColour.watch(this.column(colour.id, say)).then(this.changed, () => undefined);
  }

  private keep(filters: Filters): void {
    if (this.kept === "") return;
    try {
      this.memory?.setItem(this.kept, JSON.stringify(filters));
    } catch {
      // A browser that keeps nothing forgets this too.
    }
  }

  /** Take up the filters of this tab's earlier visit to the workspace, unless there are others by now. */
  private recall({ workspace_id, classes }: State): void {
    this.kept = `shoal/filters/${workspace_id}`;
    if (chips(get(this.filters)).length > 0) return;
    try {
      this.filters.set(revived(this.memory?.getItem(this.kept) ?? null, classes));
    } catch {
      // What cannot be read is as if it had not been kept.
    }
  }

  private async follow(state: State | null): Promise<void> {
    if (!state) return;
    if (this.kept === "") this.recall(state);
    try {
      if (state.items.embedded !== this.items) {
        this.items = state.items.embedded;
        this.known.clear();
        this.ready.clear();
        this.columns.set(await lookApi.columns());
        const colour = get(this.colour);
        if (colour.by === "column") await this.column(colour.id, this.saying.late);
        this.changed();
      }
    } catch {
      this.items = -1; // the next state tries again
    }
  }
}

/** What an item is taken for by a model that was not given its label; -1: for none of the classes. */
function judged({ classes, heldOut }: PredictionColumns, id: number): number {
  const answer = heldOut[id] ?? -1;
  return answer >= 0 ? answer : (classes[id] ?? -1);
}

function differs(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length !== other.length || one.some((value, place) => value !== other[place]);
}
