// Signing out, wherever its button stands.

import { toasts } from "../parts/toasts.svelte.ts";
import { signOut } from "../session.svelte.ts";
import { w } from "../words/shell.ts";

export async function leave(): Promise<void> {
  if (!(await signOut())) toasts.fault(w.stillSignedIn);
}
