import { get, writable } from "svelte/store";
import { api, type State } from "./api/client";
import { Facts } from "./items/facts";
import type { Selection } from "./labels/selection";
import { classTable } from "./map/palette";
import type { Scene } from "./map/scene";
import { PLAIN } from "./map/styles";
import { Following } from "./session/following";
import { Labelling } from "./session/labelling";
import { Rounds } from "./session/rounds";
import { type Notice, Saying } from "./session/saying";
import { type Mode, Selecting } from "./session/selecting";
import { Suggesting } from "./session/suggesting";

/** The state of the page and everything a person can do to it, in four parts; components read the stores and call the
 * parts' methods. */
export class Session {
  readonly state = writable<State | null>(null);
  readonly colouring = writable(true);
  readonly facts = new Facts(api.item);

  readonly saying = new Saying();
  readonly selecting = new Selecting();
  readonly following: Following = new Following(this.state, () => this.labelling, this.facts);
  readonly labelling: Labelling = new Labelling(this.state, this.selecting, this.saying, () => this.following.now());

  readonly rounds: Rounds = new Rounds(this.state, this.selecting, this.labelling, this.saying, (request) => this.ask(request));

  readonly suggesting: Suggesting = new Suggesting(this.selecting, this.saying, () => get(this.state)?.label_seq ?? -1);

  readonly notice = this.saying.notice;
  readonly selection = this.selecting.selection;
  readonly hovered = this.selecting.hovered;
  readonly tool = this.selecting.tool;
  readonly connection = this.following.connection;
  readonly busy = this.following.busy;
  readonly outbox = this.labelling.outbox;
  readonly labels = this.labelling.labels;

  private scene: Scene | null = null;

  constructor() {
    this.selection.subscribe(this.restyle);
    this.selecting.preview.subscribe(this.restyle);
    this.colouring.subscribe(this.restyle);
    this.labels.subscribe(this.restyle);
  }

  /** Begin, drawing into this scene. */
  start(scene: Scene): void {
    this.take(scene);
    scene.onMap = this.restyle;
    window.addEventListener("beforeunload", this.onLeave);
    this.following.start();
  }

  stop(): void {
    window.removeEventListener("beforeunload", this.onLeave);
    this.following.stop();
    this.take(null);
  }

  select(drawn: Selection, mode: Mode = "new"): void {
    this.selecting.select(drawn, mode);
  }

  say(text: string, kind: Notice["kind"], undo = false): void {
    this.saying.say(text, kind, undo);
  }

  /** Ask the server for something; say so where it refuses, and look at what has become of it. */
  async ask(request: () => Promise<unknown>): Promise<void> {
    try {
      await request();
    } catch (error) {
      this.say(error instanceof Error ? error.message : String(error), "problem");
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
    this.scene = this.selecting.scene = this.following.scene = scene;
  }

  /** Keep the browser from closing what only this tab knows. */
  private readonly onLeave = (event: BeforeUnloadEvent): void => {
    if (!this.labelling.safe) event.preventDefault();
  };

  private readonly restyle = (): void => {
    const { scene } = this;
    if (!scene) return;
    const { column, classes, colourOf } = get(this.labels);
    const known = classes.reduce((most, { id }) => Math.max(most, id + 1), 0);
    scene.setStyles({
      ...PLAIN,
      ...(get(this.colouring) && { colours: column, table: classTable(known, colourOf) }),
      selected: this.selecting.shown.members(),
    });
  };
}
