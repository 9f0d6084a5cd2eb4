// Schools: their forms.

import type { Schemas } from "../api/client.ts";
import { session } from "../session.svelte.ts";
import { w } from "../words/schools.ts";
import { draftOf, type FieldOf } from "./fields.ts";

export type School = Schemas["School"];
type Every<T> = T extends readonly unknown[] | string | number | boolean | null ? T : { [K in keyof T]-?: Every<T[K]> };
/** Those in force: an answer has every one. */
export type Settings = Every<Schemas["SchoolSettings"]>;
type Changed = Schemas["ChangedSchool"];

function zones(own: string): [string, string][] {
  return [...new Set([own, "UTC", ...Intl.supportedValuesOf("timeZone")])].sort().map((zone) => [zone, zone.replaceAll("_", " ")]);
}

/** Whether its logo is kept here, and not at an address elsewhere. */
export const keepsLogo = (school: School): boolean => school.logoUrl?.startsWith("/") ?? false;

/** `logoHere`: there is no address to be typed. */
export function schoolFields(zone: string, logoHere = false): FieldOf<Changed>[] {
  const fields: FieldOf<Changed>[] = [
    { name: "name", label: w.name, required: true },
    { name: "code", label: w.code, hint: w.codeHint, required: true },
    { name: "timezone", label: w.timezone, kind: "choice", choices: zones(zone), hint: w.timezoneHint, required: true },
    { name: "email", label: w.email, kind: "email" },
    { name: "phone", label: w.phone, kind: "tel" },
    { name: "website", label: w.website, kind: "url" },
    { name: "logoUrl", label: w.logoUrl, hint: w.logoUrlHint, kind: "url" },
    { name: "address", label: w.address, kind: "area" },
  ];
  if (session.me?.schoolId === null) fields.push({ name: "isActive", label: w.active, kind: "switch", hint: w.activeHint });
  return logoHere ? fields.filter((field) => field.name !== "logoUrl") : fields;
}

export const doorFields: FieldOf<Changed>[] = [{ name: "maxStalenessSeconds", label: w.staleness, kind: "number", hint: w.stalenessHint, required: true }];

/** What its form shows, but for the logo, which is changed beside it. */
export const shownOf = (school: School): string => JSON.stringify([draftOf([...schoolFields(school.timezone, true), ...doorFields], school), school.settings]);
