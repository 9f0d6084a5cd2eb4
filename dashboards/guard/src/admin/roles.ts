// Roles and what they may do, in words.

import { api, type Schemas } from "../api/client.ts";
import { session, type Permission } from "../session.svelte.ts";
import { w } from "../words/accounts.ts";
import { w as shell } from "../words/shell.ts";
import { here } from "./here.ts";

export type Role = Schemas["Role"];

export const roleName = (name: string): string => shell.roles[name] ?? name;

const SUPER_ADMIN = "super_admin";

/** Belongs to no school, and who has it to none. */
export const isSuper = (role: Role | undefined): boolean => role?.name === SUPER_ADMIN && role.builtIn;

/** As the hub has it: nobody gives a role that may do what they may not, or changes one, or who has one. */
export const mayGive = (role: Role): boolean => session.may(...(role.permissions as Permission[])) && (!isSuper(role) || session.me?.role === SUPER_ADMIN);

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
