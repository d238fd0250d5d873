import { MediaQuery } from "svelte/reactivity";
import { DARK, LIGHT, numbered } from "../map/palette";

const light = new MediaQuery("(prefers-color-scheme: light)");

/** The address of a thumbnail that can be seen on the page as it is now, light or dark. */
export function thumbnailUrl(id: number, size: 64 | 128 | 256): string {
  return `/api/items/${id}/thumbnail/${size}?on=${ground()}`;
}

/** The address of a picture that fits into 1,024 px. */
export function pictureUrl(id: number): string {
  return `/api/items/${id}/picture?on=${ground()}`;
}

function ground(): number {
  return numbered((light.current ? LIGHT : DARK).background);
}
