import type { RoundInfo } from "../api/client";

type Measured = Pick<RoundInfo, "id" | "parent" | "report">;

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
