import { get, type Readable, writable } from "svelte/store";

/** Everything a key can do, and by which key until somebody chooses another. The sheet behind `?` is drawn from
 * this table. */
export const BINDINGS = [
  { action: "label", keys: ["1-9"], help: "Label with that class", group: "Label" },
  { action: "name", keys: ["Enter", "/"], help: "Type a class name", group: "Label" },
  { action: "clear", keys: ["0", "Backspace", "Delete"], help: "Take labels away", group: "Label" },
  { action: "none", keys: ["n"], help: "None of these classes", group: "Label" },
  { action: "skip", keys: ["s"], help: "Put aside", group: "Label" },
  { action: "undo", keys: ["Mod+z"], help: "Undo", group: "Label" },
  { action: "redo", keys: ["Mod+Shift+z", "Mod+y"], help: "Redo", group: "Label" },
  { action: "revert", keys: ["Shift+h"], help: "Revert a history line", group: "Label" },
  { action: "split", keys: ["Shift+s"], help: "Split the selection off", group: "Classes" },
  { action: "merge", keys: ["Shift+m"], help: "Merge two classes", group: "Classes" },
  { action: "rename", keys: ["Shift+r", "F2"], help: "Rename a class", group: "Classes" },
  { action: "delete", keys: ["Shift+x"], help: "Delete a class", group: "Classes" },
  { action: "escape", keys: ["Escape"], help: "Let the selection go", group: "Select" },
  { action: "all", keys: ["Mod+a"], help: "Select everything", group: "Select" },
  { action: "invert", keys: ["i"], help: "Invert the selection", group: "Select" },
  { action: "lasso", keys: ["l"], help: "Lasso: draw around items", group: "Select" },
  { action: "box", keys: ["b"], help: "Box: drag a rectangle", group: "Select" },
  { action: "brush", keys: ["p"], help: "Brush: paint over items", group: "Select" },
  { action: "thinner", keys: ["<"], help: "Thinner brush", group: "Select" },
  { action: "thicker", keys: [">"], help: "Thicker brush", group: "Select" },
  { action: "tray", keys: ["j"], help: "Go to the tray", group: "Select" },
  { action: "order", keys: ["d"], help: "Order of the tray", group: "Select" },
  { action: "pan", keys: ["v"], help: "Hand: drag to move the map", group: "Look" },
  { action: "fit", keys: ["f"], help: "Show everything, or the selection", group: "Look" },
  { action: "zoomIn", keys: ["+", "="], help: "Zoom in", group: "Look" },
  { action: "zoomOut", keys: ["-"], help: "Zoom out", group: "Look" },
  { action: "left", keys: ["ArrowLeft"], help: "Move left", group: "Look" },
  { action: "right", keys: ["ArrowRight"], help: "Move right", group: "Look" },
  { action: "up", keys: ["ArrowUp"], help: "Move up", group: "Look" },
  { action: "down", keys: ["ArrowDown"], help: "Move down", group: "Look" },
  { action: "spread", keys: ["w"], help: "Spread the pictures apart; back", group: "Look" },
  { action: "colour", keys: ["c"], help: "Colours on or off", group: "Look" },
  { action: "nextColour", keys: ["Shift+c"], help: "Colour by the next (label, prediction…)", group: "Look" },
  { action: "names", keys: ["Shift+n"], help: "Names of dense regions on or off", group: "Look" },
  { action: "overview", keys: ["Shift+v"], help: "Overview on or off", group: "Look" },
  { action: "keys", keys: ["?"], help: "Show or hide these keys", group: "Look" },
  { action: "layerEarlier", keys: ["["], help: "One layer earlier: colour, texture", group: "Layers" },
  { action: "layerLater", keys: ["]"], help: "One layer later: meaning", group: "Layers" },
  { action: "flip", keys: ["t"], help: "Flip to the map before, and back", group: "Layers" },
  { action: "beside", keys: ["Shift+b"], help: "Two layers side by side; one", group: "Layers" },
  { action: "besideEarlier", keys: ["{"], help: "Beside: one layer earlier", group: "Layers" },
  { action: "besideLater", keys: ["}"], help: "Beside: one layer later", group: "Layers" },
  { action: "filter", keys: ["Shift+f"], help: "Filter: name, class, folder, date", group: "Filter" },
  { action: "filterLabelled", keys: ["Shift+l"], help: "Only unlabelled; only labelled; all", group: "Filter" },
  { action: "unfilter", keys: ["Shift+u"], help: "Clear the filters", group: "Filter" },
  { action: "similar", keys: ["m"], help: "More like this, or like the selection", group: "Find" },
  { action: "grow", keys: ["g"], help: "Add the look-alikes to the selection", group: "Find" },
  { action: "beyond", keys: ["x"], help: "What the selection missed or mistook", group: "Find" },
  { action: "duplicates", keys: ["Shift+d"], help: "Near-duplicates", group: "Find" },
  { action: "outliers", keys: ["Shift+o"], help: "Outliers", group: "Find" },
  { action: "odd", keys: ["Shift+e"], help: "Odd ones: errors in the labels", group: "Find" },
  { action: "takeFound", keys: ["Shift+a"], help: "Select what was found (of copies the spare)", group: "Find" },
  { action: "learn", keys: ["e"], help: "Learn from the labels", group: "Learn" },
  { action: "accept", keys: ["a"], help: "Accept the sure predictions", group: "Learn" },
  { action: "reject", keys: [","], help: "Reject the selection’s predictions", group: "Learn" },
  { action: "next", keys: ["."], help: "Fly to the next group to label", group: "Learn" },
  { action: "pull", keys: ["u"], help: "Pull two groups apart, one after the other; back", group: "Learn" },
  { action: "learning", keys: ["r"], help: "Open or close the panel Learn", group: "Panels" },
  { action: "look", keys: ["o"], help: "Open or close the panel Look", group: "Panels" },
  { action: "find", keys: ["k"], help: "Open or close the panel Find", group: "Panels" },
  { action: "quality", keys: ["q"], help: "Open or close the panel Quality", group: "Panels" },
  { action: "history", keys: ["h"], help: "Open or close the panel History", group: "Panels" },
] as const;

export type Action = (typeof BINDINGS)[number]["action"];

/** What the pointer does, for the same sheet. */
export const POINTER = [
  { keys: ["Drag"], help: "Draw with the lasso, box or brush" },
  { keys: ["Shift", "Drag"], help: "Add to the selection" },
  { keys: ["Alt", "Drag"], help: "Take out of the selection" },
  { keys: ["Space", "Drag"], help: "Move the map (or right button)" },
  { keys: ["Space"], help: "Tap: the picture under the pointer, large" },
  { keys: ["Double click"], help: "The same; beside items: zoom in" },
  { keys: ["Wheel"], help: "Zoom to the pointer" },
  { keys: ["Click"], help: "Pick an item; in the tray: put it out" },
  { keys: ["Touch"], help: "One finger moves, held it draws; two zoom" },
] as const;

/** What of a keyboard event matters here. */
export type Press = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">;

/** How a key press is written in the tables; null where it is only a key such as Shift, or holds Alt. */
export function keyName(press: Press): string | null {
  if (press.altKey || ["Shift", "Control", "Meta", "Alt", "Dead"].includes(press.key)) return null;
  const mod = press.ctrlKey || press.metaKey;
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key;
  // Shift is part of the character for keys such as ?, +: it counts with letters, and together with Ctrl or Cmd.
  const letter = key.length === 1 && key !== key.toUpperCase();
  return `${mod ? "Mod+" : ""}${press.shiftKey && (mod || letter) ? "Shift+" : ""}${key}`;
}

const MEMORY = "shoal/keys";
/** What stays as it is: the way out, and the digits of the classes. */
const FIXED: ReadonlySet<Action> = new Set<Action>(["label", "escape"]);

export type Keys = Readonly<Record<Action, readonly string[]>>;

/** Which keys do what in this browser. */
export class KeyMap {
  private readonly store = writable<Keys>(DEFAULTS);
  readonly keys: Readable<Keys> = this.store;

  /** `memory` is null where the browser keeps nothing. */
  constructor(private readonly memory: Pick<Storage, "getItem" | "setItem"> | null) {
    this.store.set({ ...DEFAULTS, ...this.recall() });
  }

  /** The action of a key press, and its digit where it labels; null: none. */
  actionOf(press: Press): { action: Action; digit?: number } | null {
    const name = keyName(press);
    if (name === null) return null;
    if (/^[1-9]$/.test(name)) return { action: "label", digit: Number(name) };
    const found = this.holder(name);
    return found ? { action: found } : null;
  }

  /** Give an action this key alone; return why not, where another has it. */
  assign(action: Action, name: string): string | null {
    if (/^[1-9]$/.test(name)) return "The digits 1 to 9 are the classes’ keys.";
    const holder = this.holder(name);
    if (holder && holder !== action) return `${sayKey(name)} is the key of “${helpOf(holder)}”.`;
    this.set({ ...get(this.store), [action]: [name] });
    return null;
  }

  /** Go back to the keys that an action had at first; return why not, where another has one of them. */
  reset(action: Action): string | null {
    const taken = DEFAULTS[action].find((name) => ![null, action].includes(this.holder(name)));
    if (taken) return `${sayKey(taken)} is the key of “${helpOf(this.holder(taken)!)}”.`;
    this.set({ ...get(this.store), [action]: DEFAULTS[action] });
    return null;
  }

  isFixed(action: Action): boolean {
    return FIXED.has(action);
  }

  isChosen(action: Action, keys: Keys): boolean {
    return keys[action].join() !== DEFAULTS[action].join();
  }

  private holder(name: string): Action | null {
    const keys = get(this.store);
    return BINDINGS.find(({ action }) => keys[action].includes(name))?.action ?? null;
  }

  private set(keys: Keys): void {
    this.store.set(keys);
    const chosen = BINDINGS.filter(({ action }) => this.isChosen(action, keys)).map(({ action }) => [action, keys[action]]);
    try {
      this.memory?.setItem(MEMORY, JSON.stringify(Object.fromEntries(chosen)));
    } catch {
      // A browser that keeps nothing forgets this too.
    }
  }

  /** What was chosen before; what is no list of keys, or of an action that is no more, is left out. */
  private recall(): Partial<Keys> {
    try {
      const kept: unknown = JSON.parse(this.memory?.getItem(MEMORY) ?? "{}");
      const entries = Object.entries(kept ?? {}).filter(
        ([action, keys]) => action in DEFAULTS && !FIXED.has(action as Action) && isKeys(keys),
      );
      return Object.fromEntries(entries) as Partial<Keys>;
    } catch {
      return {};
    }
  }
}

const DEFAULTS = Object.fromEntries(BINDINGS.map(({ action, keys }) => [action, keys])) as unknown as Keys;

function isKeys(keys: unknown): keys is string[] {
  return Array.isArray(keys) && keys.length > 0 && keys.every((key) => typeof key === "string");
}

function helpOf(action: Action): string {
  return BINDINGS.find((binding) => binding.action === action)!.help;
}

const SAID: Record<string, string> = {
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  Escape: "Esc",
  " ": "Space",
};

/** The parts of a combination as the keyboard shows them. */
export function keyParts(name: string, mac = isMac()): string[] {
  const parts = name === "+" ? ["+"] : name.endsWith("++") ? [...name.slice(0, -2).split("+"), "+"] : name.split("+");
  const said: Record<string, string> = { ...SAID, Mod: mac ? "⌘" : "Ctrl", Alt: mac ? "⌥" : "Alt" };
  return parts.map((part) => said[part] ?? (part.length === 1 ? part.toUpperCase() : part));
}

/** A combination in one line, as "Ctrl Z". */
export function sayKey(name: string): string {
  return keyParts(name).join(" ");
}

function isMac(): boolean {
  return typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.platform ?? "");
}

/** Nothing is typed into these: they want arrows, Home, End and Space, and leave letters to the map. */
const MOVED_BY_KEYS = "input[type=range], input[type=checkbox], input[type=radio]";

/** Whether a key press belongs to a field that is being typed into, or to a control that it operates. */
export function isForField(target: EventTarget | null, key: string): boolean {
  const element = target as HTMLElement | null;
  if (!element || !("matches" in element)) return false;
  if (element.matches(MOVED_BY_KEYS)) return !/^[^ ]$/.test(key);
  if (element.matches("input, textarea, select, [contenteditable]")) return true;
  if (key === " " && element.matches("[role=option]")) return true;
  const operates = key === "Enter" || key === " ";
  return operates && element.matches("button, a, summary, [role=button], [role^=menuitem]");
}
