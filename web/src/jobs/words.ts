import type { JobInfo } from "../api/client";
import { share } from "../rounds/words";
import { number, sentence } from "../ui/format";

/** What its process says before it knows more than the page. */
const NOTHING_YET: ReadonlySet<string> = new Set(["", "starting"]);

const DOES: Record<string, string> = {
  map: "Looking through the pile",
  learn: "Learning from the labels",
  place: "Placing the images that came since",
};

/** What a job is doing: in its own words, or until it has any, by what it was asked for. */
export function jobText({ kind, parameters, message }: JobInfo): string {
  if (!NOTHING_YET.has(message)) return sentence(message);
  if (kind === "layer_map") return `Drawing the map of ${layerText(String(parameters["layer"]))}`;
  return DOES[kind] ?? sentence(message || "working");
}

/** How far a job of so many steps is; a round's are of many kinds, of which only the share says something. */
export function doneText({ kind, done, total }: JobInfo): string {
  return kind === "learn" ? share(done / total) : `${number(done)} / ${number(total)}`;
}

/** A layer's name in a sentence; what a round's head makes of a layer is called by the round. */
export function layerText(name: string): string {
  return name.startsWith("head of round ") ? `the ${name}` : `layer ${name}`;
}
