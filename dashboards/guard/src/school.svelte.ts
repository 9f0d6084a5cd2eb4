// Whose doors are shown to somebody who belongs to no school: named in the address (?schoolId=…), or chosen and kept.

import { api, type Schemas } from "./api/client.ts";
import { session } from "./session.svelte.ts";
import { setZone } from "./times.ts";

const KEPT = "passhub.school";

class School {
  all = $state.raw<Schemas["School"][]>([]);
  /** Whether it is known which there are. */
  known = $state(false);
  /** Why not. */
  error = $state.raw<unknown>(null);
  chosen = $state(new URLSearchParams(location.search).get("schoolId") ?? localStorage.getItem(KEPT));

  /** The school that is looked at; null when one has to be chosen. */
  get id(): string | null {
    return session.me?.schoolId ?? this.chosen;
  }

  get name(): string {
    return session.me?.school?.name ?? this.all.find((one) => one.id === this.chosen)?.name ?? "";
  }

  async load(): Promise<void> {
    this.known = false;
    this.error = null;
    try {
      this.all = (await api.get("/schools", { query: { limit: 200, sort: "name" } })).data;
    } catch (why) {
      this.error = why;
      return;
    }
    const first = this.all[0];
    if (this.chosen === null && first !== undefined) this.choose(first.id);
    else this.#zone();
    this.known = true;
  }

  choose(id: string): void {
    this.chosen = id;
    localStorage.setItem(KEPT, id);
    this.#zone();
  }

  #zone(): void {
    setZone(this.all.find((one) => one.id === this.chosen)?.timezone);
  }
}

export const school = new School();
