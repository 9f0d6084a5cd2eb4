// The pages of the administration. dashboards/guard/README.md says how one is added.

import type { PageEntry } from "../pages.ts";

export const adminPages: PageEntry[] = [];
