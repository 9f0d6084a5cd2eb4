// In which school something is asked and made: said by who belongs to none.

import { school } from "../school.svelte.ts";
import { session } from "../session.svelte.ts";

export function here(): { schoolId?: string } {
  return session.me?.schoolId === null && school.id !== null ? { schoolId: school.id } : {};
}
