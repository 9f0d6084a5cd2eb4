// One request over the wire. Who asks, the browser says with the session's cookies, which no script can read.

import { ApiFault } from "./errors.ts";

export interface Answer {
  status: number;
  body: unknown;
  etag: string | null;
  /** In how many seconds to ask again, where the hub says. */
  retryAfter: number | null;
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
  const retryAfter = seconds(answer.headers.get("Retry-After"));
  if (!answer.ok) throw new ApiFault(answer.status, (json ?? {}) as object, retryAfter);
  return { status: answer.status, body: json, etag: answer.headers.get("ETag"), retryAfter };
}

function seconds(text: string | null): number | null {
  const value = Number(text);
  return text !== null && Number.isFinite(value) && value >= 0 ? value : null;
}
