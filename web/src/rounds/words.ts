/** "95 %", "99.5 %": a digit after the point only where it says something. */
export function share(part: number): string {
  const percent = Math.round(part * 1000) / 10;
  return `${Number.isInteger(percent) ? percent : percent.toFixed(1)} %`;
}

/** How long ago a time (s since 1970) is. */
export function since(seconds: number, now = Date.now() / 1000): string {
  const ago = Math.max(0, now - seconds);
  if (ago < 60) return "just now";
  if (ago < 3_600) return `${Math.floor(ago / 60)} min ago`;
  if (ago < 86_400) return `${Math.floor(ago / 3_600)} h ago`;
  return new Date(seconds * 1000).toLocaleDateString("en", { day: "numeric", month: "short" });
}
