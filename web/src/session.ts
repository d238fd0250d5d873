import { derived, get, writable } from "svelte/store";
import { api, type Gesture, reasonOf, type State } from "./api/client";
import { Facts } from "./items/facts";
import { Selection } from "./labels/selection";
import { isRevertible } from "./labels/words";
import { Finding, type Section, taking } from "./find/finding";
import type { FindKind } from "./look/api";
import { colourId } from "./look/colours";
import { OPEN } from "./look/filters";
import { Layers } from "./look/layers";
import { Looking } from "./look/looking";
import type { Scene } from "./map/scene";
import { PLAIN } from "./map/styles";
import { Following } from "./session/following";
import { Labelling } from "./session/labelling";
import { Person } from "./session/person";
import { Pulling } from "./session/pulling";
import { Rounds } from "./session/rounds";
import { type Notice, Saying } from "./session/saying";
import { type Mode, Selecting } from "./session/selecting";
import { Suggesting } from "./session/suggesting";
import { plural } from "./ui/format";
import { KeyMap } from "./ui/keys";
import { memory, OpenPanel } from "./ui/openPanel";

/** The state of the page and everything a person can do to it, in four parts; components read the stores and call the
 * parts' methods. */
export class Session {
  readonly state = writable<State | null>(null);
  readonly colouring = writable(true);
  readonly facts = new Facts(api.item);

  /** Who acts in this browser, and by which keys. */
  readonly person = new Person(memory());
  readonly keys = new KeyMap(memory());

  readonly saying = new Saying();
  readonly selecting = new Selecting();
  readonly following: Following = new Following(this.state, () => this.labelling, this.facts);
  readonly labelling: Labelling = new Labelling(this.state, this.selecting, this.saying, () => this.following.now());

  readonly rounds: Rounds = new Rounds(this.state, this.selecting, this.labelling, this.saying, (request) => this.ask(request));

  readonly pulling: Pulling = new Pulling(this.state, this.selecting, this.saying, (request) => this.ask(request));
  readonly suggesting: Suggesting = new Suggesting(this.selecting, this.saying, () => get(this.state)?.label_seq ?? -1);

  readonly notice = this.saying.notice;
  readonly selection = this.selecting.selection;
  readonly hovered = this.selecting.hovered;
  readonly tool = this.selecting.tool;
  readonly connection = this.following.connection;
  readonly busy = this.following.busy;
  readonly outbox = this.labelling.outbox;
  readonly labels = this.labelling.labels;

  /** The state once its map is on show: what else there is to ask for must not take the map's turn. */
  private readonly mapped = derived([this.state, this.following.shown], ([state, { map }]) => (state?.map && map === null ? null : state));
  readonly looking: Looking = new Looking(
    this.mapped,
    this.labels,
    this.rounds.predictions,
    () => this.restyle(),
    this.saying,
    memory(() => sessionStorage),
  );
  readonly layers = new Layers(
    this.state,
    this.following.aside,
    (map) => this.following.view(map),
    () => this.following.now(),
    this.saying,
  );
  readonly finding = new Finding();
  /** Which panel is open at the left. */
  readonly panel = new OpenPanel(memory());
  /** The pictures that the viewer turns over, and which of them it shows; null: it is closed. */
  readonly viewer = writable<{ ids: Uint32Array; place: number } | null>(null);

  /** Whether a part of a panel stands large in a sheet, which then has the keys. */
  readonly inSheet = writable(false);
  /** A part of a panel that the keyboard is to go to, once it is there. */
  readonly reach = writable<"filter" | "history" | null>(null);
  /** The line of the history that is looked at. */
  readonly line = writable<Gesture | null>(null);

  /** Bring the selection into view, where nothing of it is. */
  reveal: () => void = () => undefined;

  private scene: Scene | null = null;

  constructor() {
    for (const store of [this.selection, this.selecting.preview, this.colouring, this.labels]) store.subscribe(() => this.restyle());
    this.finding.missed.follow(this.state);
    this.selecting.passes = (id) => this.looking.passes(id);
    this.selecting.filter = () => this.looking.filter;
    this.selecting.heldBack = (count) => this.say(`The filter holds ${count === 1 ? "this item" : `these ${plural(count, "item")}`} back.`, "problem");
  }

  /** Begin, drawing into this scene. */
  start(scene: Scene): void {
    this.take(scene);
    scene.onMap = () => this.restyle();
    window.addEventListener("beforeunload", this.onLeave);
    window.addEventListener("online", this.onReturn);
    document.addEventListener("visibilitychange", this.onReturn);
    this.following.start();
  }

  stop(): void {
    window.removeEventListener("beforeunload", this.onLeave);
    window.removeEventListener("online", this.onReturn);
    document.removeEventListener("visibilitychange", this.onReturn);
    this.following.stop();
    this.take(null);
  }

  /** Let another map look as the main one does; returns how to stop. */
  showBeside(scene: Scene): () => void {
    const { besides, spread } = this.selecting;
    besides.add(scene);
    scene.spread(get(spread));
    scene.onMap = () => this.restyle();
    this.restyle();
    return () => besides.delete(scene);
  }

  /** Look at an item's picture closely; `among` others that can be turned to. */
  look(id: number, among: Uint32Array): void {
    const place = among.indexOf(id);
    this.viewer.set(place < 0 ? { ids: Uint32Array.of(id), place: 0 } : { ids: among, place });
  }

  /** Find what is most alike to what is under the pointer, or to the selection. */
  async findSimilar(id = get(this.hovered)): Promise<void> {
    const of = id >= 0 ? Selection.of([id]) : get(this.selection);
    if (of.isEmpty) return this.say("Point at an item or select some first.", "problem");
    this.panel.open("find");
    await this.finding.similar(of, of.count === 1 ? "this item" : plural(of.count, "selected item"));
  }

  /** Find what the selection missed, and what it took by mistake. */
  async findBeyond(): Promise<void> {
    const of = get(this.selection);
    const { map } = get(this.following.shown);
    if (of.isEmpty || map === null) return this.say("Select some items first.", "problem");
    this.panel.open("find");
    await this.finding.beyond(of, map);
  }

  /** Find near-duplicates, outliers, or labels that their neighbours contradict. */
  find(kind: FindKind): Promise<void> {
    this.panel.open("find");
    if (kind === "duplicates") return this.finding.duplicates();
    if (kind === "outliers") return this.finding.outliers();
    return this.finding.odd((id) => get(this.labels).classes.find((one) => one.id === id)?.name ?? "another class");
  }

  /** Take a part of what was found, or all of it, into the selection or out of it. */
  takeFound(part?: Section): void {
    const result = get(this.finding.result);
    const sections = (part ? [part] : (result?.sections ?? [])).filter(({ ids }) => ids.length > 0);
    if (!result || sections.length === 0) return this.say("Nothing has been found that could be selected.", "problem");
    for (const section of sections) {
      const { ids, mode } = taking(result, section);
      this.select(Selection.of(this.selecting.admitted(ids)), mode);
    }
    this.reveal();
  }

  /** Colour by what comes next in the list; by the first, where colours are off. */
  nextColour(): void {
    const all = this.looking.colours();
    const on = get(this.colouring) ? colourId(get(this.looking.colour)) : "";
    const next = all[(all.findIndex(({ by }) => colourId(by) === on) + 1) % all.length]!;
    this.say(`Coloured by: ${next.name}`, "done"); // before what may go wrong with it
    this.colouring.set(true);
    this.looking.colour.set(next.by);
  }

  /** Let only unlabelled items through, then only labelled ones, then all. */
  nextLabelled(): void {
    const next = { null: false, false: true, true: null } as const;
    this.looking.filters.update((now) => ({ ...now, labelled: next[`${now.labelled}`] }));
  }

  /** Spread the pictures apart on every map, or let them go back. */
  turnSpread(): void {
    if (!this.selecting.turnSpread()) this.say("Not while something is drawn: let go of it first, or press Esc.", "problem");
  }

  /** Let everything through. */
  unfilter(): void {
    if (this.looking.filter === null) return this.say("Nothing is filtered.", "problem");
    this.looking.filters.set(OPEN);
  }

  /** Go to the filters, wherever the keyboard is. */
  goToFilters(): void {
    this.panel.open("look");
    this.reach.set("filter");
  }

  /** Revert the line of the history that is looked at; where there is none, go to the history to choose it. */
  revertLine(): void {
    const line = get(this.line);
    if (line === null || get(this.panel.store) !== "history") {
      this.panel.open("history");
      this.reach.set("history");
      return this.say("Choose a line with the arrow keys, then press the same key again.", "done");
    }
    if (!isRevertible(line)) return this.say("That line cannot be reverted: it is taken back, or no gesture.", "problem");
    this.labelling.revert(line.seq);
    this.line.set(null);
  }

  /** Add the look-alikes of the selection to it. */
  async grow(): Promise<void> {
    const of = get(this.selection);
    if (of.isEmpty) return this.say("Select some items first: their look-alikes are added.", "problem");
    const say = this.saying.begin();
    try {
      const more = this.selecting.admitted(await this.finding.grown(of));
      if (get(this.selection) !== of) return; // something else is selected meanwhile
      this.select(Selection.of(more), "add");
      say(`Grown by ${plural(more.length, "look-alike")}`, "done");
    } catch (error) {
      say(reasonOf(error), "problem");
    }
  }

  select(drawn: Selection, mode: Mode = "new"): void {
    this.selecting.select(drawn, mode);
  }

  say(text: string, kind: Notice["kind"]): void {
    this.saying.say(text, kind);
  }

  /** Ask the server for something; say so where it refuses, and look at what has become of it. */
  async ask(request: () => Promise<unknown>): Promise<void> {
    const say = this.saying.begin();
    try {
      await request();
    } catch (error) {
      say(reasonOf(error), "problem");
    }
    await this.following.now();
  }

  async startJob(): Promise<void> {
    await this.ask(() => api.startJob());
  }

  async cancelJob(): Promise<void> {
    const job = get(this.state)?.job;
    if (job) await this.ask(() => api.cancelJob(job.id));
  }

  private take(scene: Scene | null): void {
    this.scene = this.selecting.scene = this.following.scene = this.looking.scene = scene;
  }

  /** Keep the browser from closing what only this tab knows. */
  private readonly onLeave = (event: BeforeUnloadEvent): void => {
    if (!this.labelling.safe) event.preventDefault();
  };

  /** Ask the server when the network or the tab is back: until then timers ran slowly or in vain. */
  private readonly onReturn = (): void => {
    if (document.visibilityState === "visible") void this.following.now();
  };

  /** Give the maps the looks of their items: colours, what is selected, what passes the filters. */
  private restyle(): void {
    if (!this.scene) return;
    const { painting, passed } = this.looking.paint();
    const { colours, table } = get(this.colouring) ? painting : PLAIN;
    const look = { colours, table, passed, selected: this.selecting.shown.members() };
    for (const scene of this.selecting.scenes) scene.setStyles(look);
  }
}
