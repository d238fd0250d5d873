/** Everything a key can do. The sheet behind `?` is drawn from this table. */
export const BINDINGS = [
  { action: "label", keys: ["1-9"], help: "Label with that class", group: "Label" },
  { action: "name", keys: ["Enter", "/"], help: "Type a class name", group: "Label" },
  { action: "clear", keys: ["0", "Backspace", "Delete"], help: "Take labels away", group: "Label" },
  { action: "undo", keys: ["Mod+z"], help: "Undo", group: "Label" },
  { action: "redo", keys: ["Mod+Shift+z", "Mod+y"], help: "Redo", group: "Label" },
  { action: "escape", keys: ["Escape"], help: "Let the selection go", group: "Select" },
  { action: "all", keys: ["Mod+a"], help: "Select everything", group: "Select" },
  { action: "lasso", keys: ["l"], help: "Lasso: drag to select", group: "Select" },
  { action: "pan", keys: ["v"], help: "Hand: drag to move the map", group: "Look" },
  { action: "fit", keys: ["f"], help: "Show everything, or the selection", group: "Look" },
  { action: "zoomIn", keys: ["+", "="], help: "Zoom in", group: "Look" },
  { action: "zoomOut", keys: ["-"], help: "Zoom out", group: "Look" },
  { action: "left", keys: ["ArrowLeft"], help: "Move left", group: "Look" },
  { action: "right", keys: ["ArrowRight"], help: "Move right", group: "Look" },
  { action: "up", keys: ["ArrowUp"], help: "Move up", group: "Look" },
  { action: "down", keys: ["ArrowDown"], help: "Move down", group: "Look" },
  { action: "colour", keys: ["c"], help: "Colour by label, on or off", group: "Look" },
  { action: "learn", keys: ["e"], help: "Learn from the labels", group: "Learn" },
  { action: "accept", keys: ["a"], help: "Accept the sure predictions", group: "Learn" },
  { action: "next", keys: ["."], help: "Fly to the next group to label", group: "Learn" },
  { action: "learning", keys: ["r"], help: "Open or close the panel Learn", group: "Panels" },
  { action: "layerEarlier", keys: ["["], help: "One layer earlier: colour, texture", group: "Look" },
  { action: "layerLater", keys: ["]"], help: "One layer later: meaning", group: "Look" },
  { action: "flip", keys: ["t"], help: "Flip to the map before, and back", group: "Look" },
  { action: "similar", keys: ["m"], help: "More like this, or like the selection", group: "Find" },
  { action: "grow", keys: ["g"], help: "Add the look-alikes to the selection", group: "Find" },
  { action: "beyond", keys: ["x"], help: "What the selection missed, or took by mistake", group: "Find" },
  { action: "find", keys: ["k"], help: "Open or close the panel Find", group: "Panels" },
  { action: "quality", keys: ["q"], help: "Open or close the panel Quality", group: "Panels" },
  { action: "look", keys: ["o"], help: "Open or close the panel Look", group: "Panels" },
  { action: "keys", keys: ["?"], help: "Show or hide these keys", group: "Look" },
] as const;

export type Action = (typeof BINDINGS)[number]["action"];

/** What the pointer does, for the same sheet. */
export const POINTER = [
  { keys: ["Drag"], help: "Draw a lasso around items" },
  { keys: ["Shift", "Drag"], help: "Add to the selection" },
  { keys: ["Alt", "Drag"], help: "Take out of the selection" },
  { keys: ["Space", "Drag"], help: "Move the map (or right button)" },
  { keys: ["Space"], help: "Tap: the picture under the pointer, large" },
  { keys: ["Double click"], help: "The same; beside items: zoom in" },
  { keys: ["Wheel"], help: "Zoom to the pointer" },
  { keys: ["Click"], help: "Pick an item; in the tray: put it out" },
] as const;

/** What of a keyboard event matters here. */
export type Press = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">;

/** The action of a key press, and its digit where it labels; null: none. */
export function actionOf(press: Press): { action: Action; digit?: number } | null {
  const mod = press.ctrlKey || press.metaKey;
  if (press.altKey) return null;
  if (!mod && /^[1-9]$/.test(press.key)) return { action: "label", digit: Number(press.key) };
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key;
  // Shift is part of the character for keys such as ?, +: it only counts together with Ctrl or Cmd.
  const name = mod ? `Mod+${press.shiftKey ? "Shift+" : ""}${key}` : key;
  const found = BINDINGS.find((binding) => (binding.keys as readonly string[]).includes(name));
  return found ? { action: found.action } : null;
}

/** Whether a key press belongs to a field that is being typed into, or to a control that it operates. */
export function isForField(target: EventTarget | null, key: string): boolean {
  const element = target as HTMLElement | null;
  if (!element || !("matches" in element)) return false;
  if (element.matches("input, textarea, select, [contenteditable]")) return true;
  const operates = key === "Enter" || key === " ";
  return operates && element.matches("button, a, summary, [role=button], [role=menuitem]");
}
