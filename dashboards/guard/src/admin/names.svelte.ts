// The names of what lists only have the ids of. Each is asked for once.

import { SvelteMap } from "svelte/reactivity";

import { api } from "../api/client.ts";
import { session, type Permission } from "../session.svelte.ts";
import { fullName } from "./students.ts";

class Names {
  #known = new SvelteMap<string, string>();
  #asked = new Set<string>();
  #needs: Permission;
  #read: (id: string) => Promise<string>;

  constructor(needs: Permission, read: (id: string) => Promise<string>) {
    this.#needs = needs;
    this.#read = read;
  }

  /** "" until it is known, and for who may not know it. */
  of(id: string | null): string {
    if (id === null) return "";
    const known = this.#known.get(id);
    if (known === undefined && !this.#asked.has(id) && session.may(this.#needs)) void this.#ask(id);
    return known ?? "";
  }

  async #ask(id: string): Promise<void> {
    this.#asked.add(id);
    try {
      this.#known.set(id, await this.#read(id));
    } catch {
      this.#known.set(id, ""); // gone, or the hub is away: what it is the name of is shown all the same
    }
  }
}

export const studentNames = new Names("students:read", async (id) => fullName(await api.get("/students/{id}", { path: { id }, query: { deleted: true } })));
export const passNumbers = new Names("passes:read", async (id) => (await api.get("/passes/{id}", { path: { id } })).passNumber);
export const doorNames = new Names("access_points:read", async (id) => (await api.get("/access-points/{id}", { path: { id } })).name);
export const userNames = new Names("users:read", async (id) => {
  const user = await api.get("/admin/users/{id}", { path: { id } });
  return `${user.firstName} ${user.lastName}`;
});
