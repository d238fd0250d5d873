const NUMBER = new Intl.NumberFormat("en");

export function number(value: number): string {
  return NUMBER.format(value);
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
