// The pages of the administration. dashboards/guard/README.md says how one is added.

import type { PageEntry } from "../pages.ts";
import { w } from "../words/admin.ts";

export const adminPages: PageEntry[] = [
  { path: "/admin/analytics", title: w.pages.analytics, icon: "chart", needs: ["analytics:read"], menu: "admin", load: () => import("./Analytics.svelte") },
  { path: "/admin/students", title: w.pages.students, icon: "people", needs: ["students:read"], menu: "admin", load: () => import("./Students.svelte") },
  { path: "/admin/students/import", title: w.pages.imports, icon: "upload", needs: ["students:import", "jobs:read"], menu: "none", load: () => import("./Import.svelte") },
  { path: "/admin/students/photos", title: w.pages.photos, icon: "person", needs: ["students:import", "jobs:read"], menu: "none", load: () => import("./Photos.svelte") },
  { path: "/admin/students/roll-over", title: w.pages.rollover, icon: "school", needs: ["students:import", "jobs:read"], menu: "none", load: () => import("./RollOver.svelte") },
  { path: "/admin/students/:id", title: w.pages.students, icon: "people", needs: ["students:read"], menu: "none", load: () => import("./Student.svelte") },
  { path: "/admin/passes", title: w.pages.passes, icon: "card", needs: ["passes:read"], menu: "admin", load: () => import("./Passes.svelte") },
  { path: "/admin/passes/templates", title: w.pages.templates, icon: "card", needs: ["templates:read"], menu: "none", load: () => import("./Templates.svelte") },
  { path: "/admin/passes/letters", title: w.pages.letters, icon: "scroll", needs: ["passes:send", "passes:read"], menu: "none", load: () => import("./Letters.svelte") },
  { path: "/admin/passes/:id", title: w.pages.passes, icon: "card", needs: ["passes:read"], menu: "none", load: () => import("./Pass.svelte") },
  { path: "/admin/access-points", title: w.pages.doors, icon: "doors", needs: ["access_points:read"], menu: "admin", load: () => import("./AccessPoints.svelte") },
  { path: "/admin/access-points/:id", title: w.pages.doors, icon: "doors", needs: ["access_points:read"], menu: "none", load: () => import("./AccessPoint.svelte") },
  { path: "/admin/wall-screens", title: w.pages.walls, icon: "wall", needs: ["wall_screens:read"], menu: "admin", load: () => import("./WallScreens.svelte") },
  { path: "/admin/accounts", title: w.pages.accounts, icon: "person", needs: ["users:read"], menu: "admin", load: () => import("./Accounts.svelte") },
  { path: "/admin/roles", title: w.pages.roles, icon: "key", needs: ["roles:read", "permissions:read"], menu: "none", load: () => import("./Roles.svelte") },
  { path: "/admin/schools", title: w.pages.schools, icon: "school", needs: ["schools:read"], menu: "admin", load: () => import("./Schools.svelte") },
  { path: "/admin/schools/:id", title: w.pages.schools, icon: "school", needs: ["schools:read"], menu: "none", load: () => import("./School.svelte") },
  { path: "/admin/departments", title: w.pages.departments, icon: "gear", needs: ["departments:read"], menu: "admin", load: () => import("./Departments.svelte") },
  { path: "/admin/audit", title: w.pages.audit, icon: "scroll", needs: ["audit_logs:read"], menu: "admin", load: () => import("./Audit.svelte") },
  { path: "/admin/signing-keys", title: w.pages.keys, icon: "key", needs: ["signing_keys:rotate"], menu: "admin", load: () => import("./SigningKeys.svelte") },
  { path: "/admin/jobs", title: w.pages.jobs, icon: "menu", needs: ["jobs:read"], menu: "admin", load: () => import("./Jobs.svelte") },
];
