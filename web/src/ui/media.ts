import { readable, type Readable } from "svelte/store";

/** Whether the window answers to a media query, as it is resized. */
export function media(query: string): Readable<boolean> {
  const list = matchMedia(query);
  return readable(list.matches, (set) => {
    const listen = (): void => set(list.matches);
    listen();
    list.addEventListener("change", listen);
    return () => list.removeEventListener("change", listen);
  });
}

/** A very large screen whose px are small: everything is written larger there, by `--type`. */
export const VAST = "(min-width: 3200px)";
/** One column beside the map: a panel stands there, or the classes and the tray. */
export const ONE_COLUMN = "(max-width: 1023px)";
/** None at all: panels, and the classes and the tray, are sheets over the map. */
export const NARROW = "(max-width: 719px)";
