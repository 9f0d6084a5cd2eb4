// One request over the wire. Who asks, the browser says with the session's cookies, which no script can read.

import { ApiFault } from "./errors.ts";

export interface Answer {
  status: number;
  body: unknown;
  etag: string | null;
}

/** The answer's JSON. Raises ApiFault for what is refused, and when the hub cannot be reached. */
export async function send(method: string, url: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const file = body instanceof FormData || body instanceof Blob;
  const sent = file || body === undefined ? headers : { "Content-Type": "application/json", ...headers };
  let answer: Response;
  try {
    answer = await fetch(url, {
      method,
      headers: sent,
      credentials: "same-origin",
      ...(body !== undefined && { body: file ? body : JSON.stringify(body) }),
    });
  } catch {
    throw new ApiFault(0);
  }
  const json: unknown = await answer.json().catch(() => null);
  if (!answer.ok) throw new ApiFault(answer.status, (json ?? {}) as object);
  return { status: answer.status, body: json, etag: answer.headers.get("ETag") };
}
