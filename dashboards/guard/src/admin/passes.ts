// Passes: what is asked when they are made, and what may be done to one.

import { api, type Schemas } from "../api/client.ts";
import { session, type Permission } from "../session.svelte.ts";
import { w } from "../words/passes.ts";
import type { FieldOf } from "./fields.ts";
import { here } from "./here.ts";

export type Pass = Schemas["Pass"];
export type Template = Schemas["Template"];
export type Act = "renew" | "replace" | "deactivate" | "activate" | "revoke";
/** What is done with passes of a whole filter. */
export type Doing = "issue" | "send" | "badges";
/** What making one pass and making many have in common. */
export type Days = Pick<Schemas["NewPasses"], "passType" | "issueDate" | "expiryDate" | "templateId">;

const NEEDS: Record<Act, Permission> = {
  renew: "passes:update",
  replace: "passes:update",
  deactivate: "passes:update",
  activate: "passes:update",
  revoke: "passes:delete",
};
const POSSIBLE: Record<Pass["status"], Act[]> = {
  active: ["replace", "renew", "deactivate", "revoke"],
  inactive: ["activate", "revoke"],
  expired: ["renew", "revoke"],
  revoked: [],
};

export const possible = (pass: Pick<Pass, "status">): Act[] => POSSIBLE[pass.status].filter((act) => session.may(NEEDS[act]));

export async function templates(): Promise<Template[]> {
  if (!session.may("templates:read")) return [];
  return (await api.get("/passes/templates", { query: { ...here(), isActive: true, limit: 200, sort: "name" } })).data;
}

export function dayFields(known: Template[]): FieldOf<Days>[] {
  const own = known.filter((one) => one.passType !== "visitor");
  const fields: FieldOf<Days>[] = [
    { name: "passType", label: w.kind, kind: "choice", choices: [["standard", w.kinds.standard], ["temporary", w.kinds.temporary]], required: true },
    { name: "issueDate", label: w.first, kind: "date", hint: w.firstHint },
    { name: "expiryDate", label: w.last, kind: "date", ...(own.some((one) => one.validDays !== null) ? { hint: w.lastHint } : { required: true }) },
  ];
  if (own.length) fields.unshift({ name: "templateId", label: w.template, kind: "choice", choices: own.map((one) => [one.id, one.name]) });
  return fields;
}

/** A year from today, as a suggestion. */
export function inAYear(now = new Date()): string {
  const then = new Date(Date.UTC(now.getFullYear() + 1, now.getMonth(), now.getDate()));
  return then.toISOString().slice(0, 10);
}
