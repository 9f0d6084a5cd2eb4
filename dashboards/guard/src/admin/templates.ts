// Templates of passes: the form, and how one is at first.

import type { Schemas } from "../api/client.ts";
import { w as passes } from "../words/passes.ts";
import { w } from "../words/templates.ts";
import { draftOf, type Draft, type FieldOf } from "./fields.ts";

export type Template = Schemas["Template"];

/** As the hub fills them in. */
const DEFAULTS = { validDays: "", numberPrefix: "", title: "", color: "#1f4e79" };

/** `made`: it is there, and its kind stays. */
export function templateFields(made: boolean): FieldOf<Schemas["NewTemplate"]>[] {
  const fields: FieldOf<Schemas["NewTemplate"]>[] = [
    { name: "name", label: w.name, required: true },
    { name: "validDays", label: w.days, kind: "number", hint: w.daysHint },
    { name: "numberPrefix", label: w.prefix },
    { name: "title", label: w.head, hint: w.headHint },
    { name: "color", label: w.color, kind: "color", hint: w.colorHint, required: true },
    { name: "isActive", label: w.active, kind: "switch" },
  ];
  if (!made) fields.splice(1, 0, { name: "passType", label: w.kind, kind: "choice", choices: Object.entries(passes.kinds), required: true });
  return fields;
}

export const firstDraft = (template?: Template): Draft => draftOf(templateFields(template !== undefined), template ?? { ...DEFAULTS, passType: "standard", isActive: true });

/** What it would be as a new one; its name stays. */
export const withDefaults = (draft: Draft): Draft => ({ ...draft, ...DEFAULTS });

/** Texts that may be empty are not null there. */
export function emptied<Body extends { title?: string | null; numberPrefix?: string | null }>(body: Body): Body {
  for (const name of ["title", "numberPrefix"] as const) if (name in body) body[name] ??= "";
  return body;
}

/** Whether white is read better on it than black: as hub/issuing/badges decides. */
export function isDark(color: string): boolean {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16) || 0);
  return 0.299 * red + 0.587 * green + 0.114 * blue < 150;
}
