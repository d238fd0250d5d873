import { get, type Readable, writable } from "svelte/store";
import { api, type RoundInfo, type State } from "../api/client";
import type { PredictionColumns } from "../api/columns";
import type { LabelView } from "../labels/labels";
import { Selection } from "../labels/selection";
import { firstThreshold, sureItems, THRESHOLDS } from "../rounds/acceptance";
import { plural } from "../ui/format";
import type { Labelling } from "./labelling";
import type { Saying } from "./saying";
import type { Selecting } from "./selecting";

/** Why nothing can be learned yet. */
export const TOO_FEW = "Label items of two classes first, or of one and some that are none of these.";

/** Whether there is something to tell apart: two classes, or one and items that are none of it. */
export function canLearn({ classes, answers }: Pick<LabelView, "classes" | "answers">): boolean {
  const named = classes.filter(({ count }) => count > 0).length;
  return named > 1 || (named === 1 && answers.none > 0);
}

/** Whether a round is under way. */
export function isLearning(state: State | null): boolean {
  return state?.job?.kind === "learn" && (state.job.state === "running" || state.job.state === "queued");
}

/** The predictions of one round. */
export interface Predictions extends PredictionColumns {
  round: number;
}

/** What was learned: the rounds, the current one's predictions, and making labels of them. */
export class Rounds {
  readonly predictions = writable<Predictions | null>(null);
  readonly list = writable<RoundInfo[]>([]);
  /** How sure a prediction must be to be accepted. */
  readonly threshold = writable<number>(THRESHOLDS[0]);
  /** Whether a round is asked for that the state does not tell of yet. */
  readonly asking = writable(false);

  /** What the threshold was set to for a round; where somebody has moved it since, it stays. */
  private offered: number = THRESHOLDS[0];

  /** The round whose predictions are on show or on their way, and as of which classes and rejections. */
  private fetching = "";

  /** `ask` asks the server and says so where it refuses. */
  constructor(
    private readonly state: Readable<State | null>,
    private readonly selecting: Selecting,
    private readonly labelling: Labelling,
    private readonly saying: Saying,
    private readonly ask: (request: () => Promise<unknown>) => Promise<void>,
  ) {
    state.subscribe((now) => void this.follow(now?.round ?? null, now));
  }

  /** Learn from the labels as they are now; null takes the default. While a round is under way it says so instead. */
  async learn(loss: string | null = null): Promise<void> {
    if (get(this.asking) || isLearning(get(this.state))) return this.saying.say("Learning already: one round at a time.", "done");
    if (!canLearn(get(this.labelling.labels))) return this.saying.say(TOO_FEW, "problem");
    this.asking.set(true);
    try {
      await this.ask(() => api.learn({ loss, dim: null, layer: null }));
    } finally {
      this.asking.set(false);
    }
  }

  /** Go back (or forward) to the map of a round. */
  goTo(round: RoundInfo): Promise<void> {
    return this.ask(() => api.chooseMap(round.map_id));
  }

  /** Make labels of the sure predictions of a class (null: of every class), of what `scope` says. */
  accept(classId: number | null): void {
    const predictions = get(this.predictions);
    if (!predictions) return this.saying.say("There are no predictions yet: learn first.", "problem");
    const { where, ids: scope } = this.scope();
    const selection = where === "everywhere" ? null : this.within(where).wire();
    const { classOf } = get(this.labelling.labels);
    const threshold = get(this.threshold);
    const ids = sureItems(predictions, scope, classOf, threshold, classId);
    if (ids.length === 0)
      return this.saying.say("Nothing to accept: no unlabelled item here has a prediction so sure.", "problem");
    this.labelling.accept({ round_id: predictions.round, selection, class_id: classId, at_least: threshold }, ids.length);
    if (where === "selection") this.selecting.select(Selection.EMPTY);
  }

  /** Say of the selection's predictions that they are wrong: they go, and no later round makes them again. */
  reject(): void {
    const predictions = get(this.predictions);
    if (!predictions) return this.saying.say("There are no predictions yet: learn first.", "problem");
    const { where, ids: scope } = this.scope();
    if (where !== "selection") return this.saying.say("Nothing is selected: select the items whose predictions are wrong.", "problem");
    const { classOf } = get(this.labelling.labels);
    const ids = sureItems(predictions, scope, classOf, 0, null);
    if (ids.length === 0) return this.saying.say("Nothing to reject: no unlabelled item here has a prediction.", "problem");
    this.labelling.reject({ round_id: predictions.round, selection: this.within(where).wire(), class_id: null }, ids.length);
    this.selecting.select(Selection.EMPTY);
  }

  /** Select what accepting would label, to look at it first. */
  show(classId: number | null): void {
    const predictions = get(this.predictions);
    if (!predictions) return;
    const { classOf } = get(this.labelling.labels);
    const ids = sureItems(predictions, this.selecting.onMap(), classOf, get(this.threshold), classId);
    this.selecting.select(Selection.of(ids));
    const { count } = get(this.selecting.selection);
    if (count > 0) this.saying.say(`${plural(count, "item")} would be labelled`, "done");
  }

  /** The items that an acceptance is about: the selection, or what the filters let through, or everything. */
  scope(): { where: "selection" | "filter" | "everywhere"; ids: Uint32Array } {
    const selection = get(this.selecting.selection);
    if (!selection.isEmpty) return { where: "selection", ids: selection.ids() };
    const ids = this.selecting.onMap();
    return this.selecting.filter() === null
      ? { where: "everywhere", ids }
      : { where: "filter", ids: this.selecting.admitted(ids) };
  }

  private within(where: "selection" | "filter"): Selection {
    return where === "selection" ? get(this.selecting.selection) : Selection.of(this.scope().ids);
  }

  private take(predictions: Predictions): void {
    const another = get(this.predictions)?.round !== predictions.round;
    this.predictions.set(predictions);
    if (!another || get(this.threshold) !== this.offered) return;
    this.offered = firstThreshold(predictions, get(this.labelling.labels).classOf);
    this.threshold.set(this.offered);
  }

  /** Fetch what is new about rounds. */
  private async follow(round: RoundInfo | null, now: State | null): Promise<void> {
    const wanted = round ? `${round.id} without ${now?.rejected} of ${now?.classes.map(({ id }) => id).join()}` : "none";
    if (wanted === this.fetching) return;
    this.fetching = wanted;
    try {
      this.list.set(await api.rounds());
      if (round === null) return this.predictions.set(null);
      const columns = await api.predictions(round.id);
      if (this.fetching === wanted) this.take({ ...columns, round: round.id });
    } catch {
      this.fetching = ""; // the next state tries again
    }
  }
}
