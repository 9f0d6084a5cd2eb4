// What students study, for the newest scan: events do not carry it. Asked for beside the scan, which never waits for it,
// and only of who stays the newest for a moment: each answer is kept in the audit log as a read of that student.

import { SvelteMap } from "svelte/reactivity";

import { api } from "../api/client.ts";
import { session } from "../session.svelte.ts";

const KEPT = 500; // students
const KEPT_MS = 600_000;

class Programmes {
  #known = new SvelteMap<string, string>();
  #askedAt = new Map<string, number>();

  /** Whether this account may know them. A wall screen may not. */
  get may(): boolean {
    return session.may("faces:read");
  }

  /** "" until it is known, and for who has none. */
  of(student: string): string {
    return this.#known.get(student) ?? "";
  }

  async ask(student: string): Promise<void> {
    const asked = this.#askedAt.get(student);
    if (asked !== undefined && performance.now() - asked < KEPT_MS) return;
    this.#forget();
    this.#askedAt.set(student, performance.now());
    try {
      this.#known.set(student, (await api.get("/students/{id}/card", { path: { id: student } })).program ?? "");
    } catch {
      this.#askedAt.delete(student); // the scan is shown all the same
    }
  }

  #forget(): void {
    for (const [student] of this.#askedAt) {
      if (this.#askedAt.size < KEPT) return;
      this.#askedAt.delete(student);
      this.#known.delete(student);
    }
  }
}

export const programmes = new Programmes();
