import type { Component } from "svelte";
import Find from "../find/Find.svelte";
import History from "../labels/History.svelte";
import Look from "../look/Look.svelte";
import Quality from "../quality/Quality.svelte";
import Learn from "../rounds/Learn.svelte";
import type { Session } from "../session";
import type { IconName } from "./icons";
import type { Action } from "./keys";

/** One panel at the left: its row here, its key in the table of keys under the same name. */
export interface PanelRow {
  id: PanelId;
  title: string;
  icon: IconName;
  /** What its key does; the key itself stands in `BINDINGS`. */
  action: Action;
  component: Component<{ session: Session }>;
}

export type PanelId = "find" | "history" | "learn" | "look" | "quality";

/** The panels, from top to bottom. */
export const PANELS: readonly PanelRow[] = [
  { id: "learn", title: "Learn", icon: "learn", action: "learning", component: Learn },
  { id: "look", title: "Look", icon: "look", action: "look", component: Look },
  { id: "find", title: "Find", icon: "find", action: "find", component: Find },
  { id: "quality", title: "Quality", icon: "quality", action: "quality", component: Quality },
  { id: "history", title: "History", icon: "history", action: "history", component: History },
];

/** The classes and the tray, where they have no column of their own and open as a panel does. */
export const LABEL = "label";
