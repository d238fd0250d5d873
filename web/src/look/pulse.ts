import { writable } from "svelte/store";
import type { Scene } from "../map/scene";

/** A rest is a while without a picture of the map, in ms. */
const REST_MS = 180;

/** Tells what lies over a map when the map was drawn, and when it has come to rest. */
export class Pulse {
  scene: Scene | null = null;
  /** Grows with every picture of the map, and a while after the last one with `settled`. */
  readonly frame = writable(0);
  readonly settled = writable(0);

  private timer: ReturnType<typeof setTimeout> | undefined;

  /** A picture of the map was drawn. */
  framed(): void {
    this.frame.update((n) => n + 1);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.settled.update((n) => n + 1), REST_MS);
  }
}
