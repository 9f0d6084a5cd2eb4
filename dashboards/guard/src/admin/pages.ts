// The pages of the administration. dashboards/guard/README.md says how one is added.

import type { PageEntry } from "../pages.ts";
import { w } from "../words/admin.ts";

export const adminPages: PageEntry[] = [
  { path: "/admin/students", title: w.pages.students, icon: "people", needs: ["students:read"], menu: "admin", load: () => import("./Students.svelte") },
  { path: "/admin/students/import", title: w.pages.imports, icon: "upload", needs: ["students:import", "jobs:read"], menu: "none", load: () => import("./Import.svelte") },
  { path: "/admin/students/:id", title: w.pages.students, icon: "people", needs: ["students:read"], menu: "none", load: () => import("./Student.svelte") },
  { path: "/admin/passes", title: w.pages.passes, icon: "card", needs: ["passes:read"], menu: "admin", load: () => import("./Passes.svelte") },
  { path: "/admin/passes/:id", title: w.pages.passes, icon: "card", needs: ["passes:read"], menu: "none", load: () => import("./Pass.svelte") },
];
