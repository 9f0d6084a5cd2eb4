// Roles and what they may do, in words.

import { api, type Schemas } from "../api/client.ts";
import type { Permission } from "../session.svelte.ts";
import { w } from "../words/accounts.ts";
import { w as shell } from "../words/shell.ts";
import { here } from "./here.ts";

export type Role = Schemas["Role"];

export const roleName = (name: string): string => shell.roles[name] ?? name;

export async function allRoles(): Promise<Role[]> {
  return (await api.get("/admin/roles", { query: { ...here(), limit: 200, sort: "name" } })).data;
}

/** By resource, the permissions that there are. */
export async function allPermissions(): Promise<[string, Permission[]][]> {
  const rows = (await api.get("/admin/permissions", { query: { limit: 200 } })).data;
  const groups = new Map<string, Permission[]>();
  for (const { name } of rows) {
    const resource = name.split(":")[0] ?? name;
    groups.set(resource, [...(groups.get(resource) ?? []), name as Permission]);
  }
  return [...groups];
}

export const resourceName = (resource: string): string => w.resources[resource] ?? resource.replaceAll("_", " ");

export function actionName(permission: string): string {
  const action = permission.split(":")[1] ?? "";
  return w.actions[action] ?? action;
}
