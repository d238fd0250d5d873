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

/** One column beside the map: a panel stands there, or the classes and the tray. */
export const ONE_COLUMN = "(max-width: 1023px)";
/** None at all: panels, and the classes and the tray, are sheets over the map. */
export const NARROW = "(max-width: 719px)";
