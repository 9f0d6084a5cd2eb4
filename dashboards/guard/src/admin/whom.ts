// Which students something is done to: a filter, or in so many words everybody.

import type { Schemas } from "../api/client.ts";
import { w as passes } from "../words/passes.ts";
import { w } from "../words/students.ts";
import { made, type Draft, type FieldOf } from "./fields.ts";
import type { Kept } from "./students.ts";

export type StudentFilters = Schemas["StudentFilters"];

export interface Whom {
  everybody: boolean;
  filter: Draft;
}

export const nobody = (): Whom => ({ everybody: false, filter: { departmentId: "", program: "", yearOfStudy: "", status: "" } });

export function whomFields({ departments }: Kept): FieldOf<StudentFilters>[] {
  const all: FieldOf<StudentFilters>[] = [
    { name: "departmentId", label: w.inDepartment, kind: "choice", unset: w.allDepartments, choices: departments.map((one) => [one.id, one.name]) },
    { name: "program", label: w.field.program },
    { name: "yearOfStudy", label: w.field.yearOfStudy, kind: "number" },
    { name: "status", label: w.field.status, kind: "choice", unset: w.allStatuses, choices: Object.entries(w.statuses) },
  ];
  return departments.length ? all : all.slice(1);
}

/** As the API asks for it: a filter, or `everybody` and none. */
export function filterOf(whom: Whom, kept: Kept): { filter: StudentFilters; everybody: boolean } {
  return { filter: whom.everybody ? {} : made<StudentFilters>(whomFields(kept), whom.filter), everybody: whom.everybody };
}

/** In short words. */
export function said(filter: StudentFilters, everybody: boolean, kept: Kept): string {
  if (everybody) return passes.everybody;
  const department = kept.departments.find((one) => one.id === filter.departmentId)?.name;
  return [department, filter.program, filter.yearOfStudy && w.year(filter.yearOfStudy), filter.status && w.statuses[filter.status]].filter(Boolean).join(" · ");
}
