// What a school keeps of its students, and the form that follows from it.

import { api, type Schemas } from "../api/client.ts";
import { school } from "../school.svelte.ts";
import { session } from "../session.svelte.ts";
import { w } from "../words/students.ts";
import type { FieldOf } from "./fields.ts";

export type Student = Schemas["Student"];
export type Status = Student["status"];
type Rules = Partial<Schemas["StudentFields"]>;
type Name = keyof Schemas["ChangedStudent"] & string;

/** `rules`: which fields are off, optional or required; `departments`: the school's, by name. */
export interface Kept {
  rules: Rules;
  departments: Schemas["Department"][];
}

const ORDER: Name[] = [
  "studentId", "firstName", "middleName", "lastName", "email", "phone", "dateOfBirth", "gender", "departmentId", "program",
  "yearOfStudy", "enrollmentDate", "graduationDate", "status", "emergencyContactName", "emergencyContactPhone", "address",
];
const KINDS: Partial<Record<Name, NonNullable<FieldOf<unknown>["kind"]>>> = {
  email: "email",
  phone: "tel",
  emergencyContactPhone: "tel",
  dateOfBirth: "date",
  enrollmentDate: "date",
  graduationDate: "date",
  yearOfStudy: "number",
  address: "area",
  departmentId: "choice",
  status: "choice",
};

/** What is not to be read is taken as the school's defaults: the hub says what it takes in the end. */
export async function kept(id: string | null = school.id): Promise<Kept> {
  if (id === null) return { rules: {}, departments: [] };
  const path = { id };
  const [own, parts] = await Promise.all([
    session.may("schools:read") ? api.get("/schools/{id}", { path }) : null,
    session.may("departments:read") ? api.get("/schools/{id}/departments", { path, query: { limit: 200, sort: "name" } }) : null,
  ]);
  return { rules: own?.settings.studentFields ?? {}, departments: parts?.data ?? [] };
}

export function studentFields({ rules, departments }: Kept): FieldOf<Schemas["ChangedStudent"]>[] {
  const rule = (name: Name): Rules[keyof Rules] => (name in rules ? rules[name as keyof Rules] : undefined);
  const always = new Set<Name>(["studentId", "firstName", "lastName", "status"]);
  const choices: Partial<Record<Name, [string, string][]>> = {
    departmentId: departments.map((one) => [one.id, one.name]),
    status: Object.entries(w.statuses),
  };
  return ORDER.filter((name) => rule(name) !== "off").map((name) => ({
    name,
    label: w.field[name],
    kind: KINDS[name] ?? "text",
    required: always.has(name) || rule(name) === "required",
    ...(choices[name] && { choices: choices[name] }),
    ...(KINDS[name] === "tel" && { hint: w.phoneHint }),
  }));
}

export const fullName = (student: Pick<Student, "firstName" | "middleName" | "lastName">): string =>
  [student.firstName, student.middleName, student.lastName].filter(Boolean).join(" ");

/** Where the picture is, in one of its sizes. */
export function photoOf(student: Pick<Student, "photoUrl">, size: 96 | 400): string | null {
  if (student.photoUrl === null) return null;
  return student.photoUrl.startsWith("/api/") ? `${student.photoUrl}?size=${size}` : student.photoUrl;
}
