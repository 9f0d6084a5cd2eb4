// Files: one that is sent, and one that is kept on this device. What the session's cookies have lost is renewed, as in
// client.ts.

import { address, renewing } from "./client.ts";
import { ApiFault } from "./errors.ts";
import { send } from "./wire.ts";

/** Raises ApiFault. `T`: what the operation answers with. */
export async function upload<T>(path: string, file: Blob, name: string, query: object = {}, field = "file"): Promise<T> {
  const form = new FormData();
  form.append(field, file, name);
  return await sendForm(address(path, {}, query), form);
}

/** Several files in one request, which keeps all of them or none, and what else the form says. Raises ApiFault. */
export async function uploadAll<T>(path: string, files: File[], field: string, texts: Record<string, string> = {}): Promise<T> {
  const form = new FormData();
  for (const [name, text] of Object.entries(texts)) form.append(name, text);
  for (const file of files) form.append(field, file, file.name);
  return await sendForm(address(path), form);
}

async function sendForm<T>(url: string, form: FormData): Promise<T> {
  return (await renewing(() => send("POST", url, form))).body as T;
}

/** Raises ApiFault. */
export async function fetchFile(path: string, query: object = {}): Promise<Blob> {
  return await renewing(async () => {
    let answer: Response;
    try {
      answer = await fetch(address(path, {}, query), { credentials: "same-origin" });
    } catch {
      throw new ApiFault(0);
    }
    if (!answer.ok) throw new ApiFault(answer.status, ((await answer.json().catch(() => null)) ?? {}) as object);
    return await answer.blob();
  });
}

/** Puts it where this browser keeps what was downloaded. */
export function keep(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
