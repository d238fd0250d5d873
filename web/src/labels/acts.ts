import type { ClassView, LabelView } from "./labels";

/** What is done to classes with a question first: which, and what becomes of it. */
export type ClassAct = "split" | "merge" | "rename" | "delete";

/** Say why there is nothing to do this to; null where there is. */
export function cannot(act: ClassAct, classes: readonly ClassView[], nothingSelected: boolean): string | null {
  if (act === "split") return nothingSelected ? "Nothing is selected: select the items to split off first." : null;
  const known = classes.filter(({ provisional }) => !provisional).length;
  if (act === "merge" && known < 2) return "Merging takes two classes that are saved.";
  return known === 0 ? `There is no class to ${act} yet.` : null;
}

/** How many of some items each class has, the one with most of them first. */
export function classesOf(ids: Uint32Array, { classes, classOf }: LabelView): { one: ClassView; count: number }[] {
  const counts = new Map<number, number>();
  for (const id of ids) counts.set(classOf(id), (counts.get(classOf(id)) ?? 0) + 1);
  return classes
    .flatMap((one) => (counts.has(one.id) ? [{ one, count: counts.get(one.id)! }] : []))
    .sort((a, b) => b.count - a.count);
}
