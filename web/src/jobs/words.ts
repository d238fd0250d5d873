import type { JobInfo } from "../api/client";
import { sentence } from "../ui/format";

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

/** A layer's name in a sentence; what a round's head makes of a layer is called by the round. */
export function layerText(name: string): string {
  return name.startsWith("head of round ") ? `the ${name}` : `layer ${name}`;
}
