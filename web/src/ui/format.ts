const NUMBER = new Intl.NumberFormat("en");

export function number(value: number): string {
  return NUMBER.format(value);
}

/** A share as a person reads it; a dash where there is none. */
export function percent(share: number | null | undefined): string {
  return share == null ? "–" : `${(100 * share).toFixed(1)} %`;
}

/** A count in at most four signs: 950, 1.2k, 34k, 1.5M. */
export function compact(count: number): string {
  if (count < 1000) return String(count);
  const [value, unit] = count < 999_500 ? [count / 1000, "k"] : [count / 1_000_000, "M"];
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)}${unit}`;
}

/** "1 item", "2,000 items". */
export function plural(count: number, word: string, many = `${word}s`): string {
  return `${number(count)} ${count === 1 ? word : many}`;
}

/** A time left as one says it: rough where it is long, never more exact than it can be. */
export function timeLeft(seconds: number): string {
  if (seconds < 5) return "a few seconds left";
  if (seconds < 60) return `about ${Math.ceil(seconds / 5) * 5} s left`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `about ${minutes} min left`;
  return `about ${number(Math.round(minutes / 60))} h left`;
}

/** Items per second: a digit after the point only where it matters. */
export function rate(value: number): string {
  return `${value < 10 ? value.toFixed(1) : number(Math.round(value))}/s`;
}

/** The same text with a capital letter at its beginning. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
