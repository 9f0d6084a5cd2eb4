// The pages of the administration. dashboards/guard/README.md says how one is added.

import type { PageEntry } from "../pages.ts";
import { w } from "../words/admin.ts";

type Office = typeof import("./office.ts");

/** All of them are one file: small files by themselves are larger in sum, and who opens one opens others. */
const office = (page: keyof Office) => () => import("./office.ts").then((pages) => ({ default: pages[page] }));

export const adminPages: PageEntry[] = [
  { path: "/admin/analytics", title: w.pages.analytics, icon: "chart", needs: ["analytics:read"], menu: "admin", load: office("Analytics") },
  { path: "/admin/students", title: w.pages.students, icon: "people", needs: ["students:read"], menu: "admin", load: office("Students") },
  { path: "/admin/students/import", title: w.pages.imports, icon: "upload", needs: ["students:import", "jobs:read"], menu: "none", load: office("Import") },
  { path: "/admin/students/photos", title: w.pages.photos, icon: "person", needs: ["students:import", "jobs:read"], menu: "none", load: office("Photos") },
  { path: "/admin/students/roll-over", title: w.pages.rollover, icon: "school", needs: ["students:import", "jobs:read"], menu: "none", load: office("RollOver") },
  { path: "/admin/students/:id", title: w.pages.students, icon: "people", needs: ["students:read"], menu: "none", load: office("Student") },
  { path: "/admin/passes", title: w.pages.passes, icon: "card", needs: ["passes:read"], menu: "admin", load: office("Passes") },
  { path: "/admin/passes/templates", title: w.pages.templates, icon: "card", needs: ["templates:read"], menu: "none", load: office("Templates") },
  { path: "/admin/passes/letters", title: w.pages.letters, icon: "scroll", needs: ["passes:send", "passes:read"], menu: "none", load: office("Letters") },
  { path: "/admin/passes/:id", title: w.pages.passes, icon: "card", needs: ["passes:read"], menu: "none", load: office("Pass") },
  { path: "/admin/access-points", title: w.pages.doors, icon: "doors", needs: ["access_points:read"], menu: "admin", load: office("AccessPoints") },
  { path: "/admin/access-points/:id", title: w.pages.doors, icon: "doors", needs: ["access_points:read"], menu: "none", load: office("AccessPoint") },
  { path: "/admin/wall-screens", title: w.pages.walls, icon: "wall", needs: ["wall_screens:read"], menu: "admin", load: office("WallScreens") },
  { path: "/admin/accounts", title: w.pages.accounts, icon: "person", needs: ["users:read"], menu: "admin", load: office("Accounts") },
  { path: "/admin/roles", title: w.pages.roles, icon: "key", needs: ["roles:read", "permissions:read"], menu: "none", load: office("Roles") },
  { path: "/admin/schools", title: w.pages.schools, icon: "school", needs: ["schools:read"], menu: "admin", load: office("Schools") },
  { path: "/admin/schools/:id", title: w.pages.schools, icon: "school", needs: ["schools:read"], menu: "none", load: office("School") },
  { path: "/admin/departments", title: w.pages.departments, icon: "gear", needs: ["departments:read"], menu: "admin", load: office("Departments") },
  { path: "/admin/audit", title: w.pages.audit, icon: "scroll", needs: ["audit_logs:read"], menu: "admin", load: office("Audit") },
  { path: "/admin/signing-keys", title: w.pages.keys, icon: "key", needs: ["signing_keys:rotate"], menu: "admin", load: office("SigningKeys") },
  { path: "/admin/jobs", title: w.pages.jobs, icon: "menu", needs: ["jobs:read"], menu: "admin", load: office("Jobs") },
];
