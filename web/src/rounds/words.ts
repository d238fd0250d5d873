import type { RoundInfo } from "../api/client";

type Measured = Pick<RoundInfo, "id" | "parent" | "report">;
type Taught = Pick<RoundInfo, "loss" | "layer" | "report">;

/** Where predictions are accepted. */
export const WHERE = { selection: "in the selection", filter: "in the filter", everywhere: "everywhere" } as const;

/** "95 %", "99.5 %": a digit after the point only where it says something. */
export function share(part: number): string {
  const percent = Math.round(part * 1000) / 10;
  return `${Number.isInteger(percent) ? percent : percent.toFixed(1)} %`;
}

/** How a round's accuracy differs from that of the round before it, in points; empty where there is none. */
export function change(of: Measured, rounds: readonly Measured[]): string {
  const before = rounds.find(({ id }) => id === of.parent)?.report["held_out_accuracy"];
  const held = of.report["held_out_accuracy"];
  if (before === undefined || held === undefined) return "";
  const points = Math.round((held - before) * 1000) / 10;
  return points === 0 ? "±0" : `${points > 0 ? "+" : "−"}${Math.abs(points)}`;
}

/** How long ago a time (s since 1970) is. */
export function since(seconds: number, now = Date.now() / 1000): string {
  const ago = Math.max(0, now - seconds);
  if (ago < 60) return "just now";
  if (ago < 3_600) return `${Math.floor(ago / 60)} min ago`;
  if (ago < 86_400) return `${Math.floor(ago / 3_600)} h ago`;
  return new Date(seconds * 1000).toLocaleDateString("en", { day: "numeric", month: "short" });
}

/** What a round's head is trained by and on: "silhouette 16-d · stage7". */
function recipe({ loss, layer, report }: Taught): string {
  const wide = report["dimensions"];
  return `${loss}${wide === undefined ? "" : ` ${wide}-d`} · ${layer}`;
}

/** The recipe, and how often a label held out of training lies next to its like in the head's space. */
export function lesson(of: Taught): string {
  const recall = of.report["head_recall"];
  return recall === undefined ? recipe(of) : `${recipe(of)} · head ${share(recall)}`;
}

/** Whether the rounds were not all learned in the same way. */
export function varied(rounds: readonly Taught[]): boolean {
  return new Set(rounds.map(recipe)).size > 1;
}
