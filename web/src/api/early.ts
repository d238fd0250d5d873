import { api, type State } from "./client";
import type { MapPoints } from "./columns";

interface Placed {
  id: number;
  points: MapPoints;
}

let state: Promise<State> | null = null;
let map: Promise<Placed | null> | null = null;

/** Ask for what the first picture needs while the page itself is still on its way. */
export function askEarly(): void {
  state = api.state();
  map = state.then(async ({ map }) => map && { id: map.id, points: await api.points(map.id) });
  map.catch(() => undefined); // who takes an answer hears what went wrong with it
}

/** The state: what was asked for early, once, else what the server says now. */
export function takeState(): Promise<State> {
  const early = state;
  state = null;
  return early ?? api.state();
}

/** A map's points: those that were asked for early, once, if they are of this map. */
export async function takePoints(id: number): Promise<MapPoints> {
  const early = map;
  map = null;
  const found = await early?.catch(() => null);
  return found?.id === id ? found.points : api.points(id);
}
