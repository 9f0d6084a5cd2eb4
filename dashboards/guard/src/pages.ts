// Every page of the console: its address, its name in the menu, who may see it, and the file that is loaded for it.

import type { Component } from "svelte";

import { adminPages } from "./admin/pages.ts";
import type { IconName } from "./parts/icons.ts";
import type { Permission } from "./session.svelte.ts";
import { w } from "./words/shell.ts";

export interface PageEntry {
  /** With a trailing "/:id" it takes one part more, given to the page as the property `id`. */
  path: string;
  title: string;
  icon: IconName;
  /** All of these are needed. */
  needs: Permission[];
  load: () => Promise<{ default: Component<any> }>; // its properties are its own affair
  /** "main" stands in the bar on phones too, "admin" under Administration, "none" in no menu. */
  menu: "main" | "admin" | "none";
  /** Without the menu: it has the whole screen. */
  bare?: boolean;
}

export const pages: PageEntry[] = [
  { path: "/live", title: w.pages.live, icon: "live", needs: ["live:read"], menu: "main", load: () => import("./live/Live.svelte") },
  { path: "/doors", title: w.pages.doors, icon: "doors", needs: ["live:read"], menu: "main", load: () => import("./doors/Doors.svelte") },
  { path: "/today", title: w.pages.today, icon: "today", needs: ["live:read", "access_logs:read"], menu: "main", load: () => import("./today/Today.svelte") },
  { path: "/look-up", title: w.pages.lookUp, icon: "search", needs: ["faces:read", "passes:read"], menu: "main", load: () => import("./lookup/LookUp.svelte") },
  { path: "/hand-over", title: w.pages.handOver, icon: "scroll", needs: ["live:read", "access_logs:read"], menu: "main", load: () => import("./handover/HandOver.svelte") },
  { path: "/scan", title: w.pages.scan, icon: "scan", needs: ["access_points:scan"], menu: "main", load: () => import("./scan/Scan.svelte") },
  { path: "/wall", title: w.pages.wall, icon: "wall", needs: ["live:read"], menu: "main", bare: true, load: () => import("./wall/Wall.svelte") },
  { path: "/account", title: w.pages.account, icon: "person", needs: [], menu: "none", load: () => import("./signin/Account.svelte") },
  ...adminPages,
];

/** The page at an address, with its id. */
export function pageAt(path: string): { entry: PageEntry; id: string | undefined } | null {
  for (const entry of pages) {
    if (entry.path === path) return { entry, id: undefined };
    const [head, tail] = entry.path.split("/:id");
    if (tail === "" && head !== undefined && path.startsWith(`${head}/`) && path.length > head.length + 1) {
      return { entry, id: decodeURIComponent(path.slice(head.length + 1)) };
    }
  }
  return null;
}
