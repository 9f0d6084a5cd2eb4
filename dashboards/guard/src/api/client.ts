// The hub's API, typed by its own OpenAPI document: schema.d.ts is written from it by `make lint`, and only types are
// read from there, so that it is not needed to build.
//
//   const page = await api.get("/students", { query: { q: "ada" } });
//   await api.post("/passes/{id}/revoke", { path: { id }, body: { reason: "lost" } });

import { renewed } from "../session.svelte.ts";
import { ApiFault } from "./errors.ts";
import { once } from "./repeating.ts";
import type { components, paths as described } from "./schema";
import { send } from "./wire.ts";

export type Schemas = components["schemas"];

type paths = { [P in keyof described as P extends `/api/v1${infer Rest}` ? Rest : P]: described[P] };
type Method = "get" | "post" | "put" | "delete";
type With<M extends Method> = { [P in keyof paths]: paths[P] extends Record<M, infer _> ? (paths[P][M] extends undefined ? never : P) : never }[keyof paths];
type Of<P extends keyof paths, M extends Method> = NonNullable<paths[P][M & keyof paths[P]]>;
type Parameters<O, In extends string> = O extends { parameters: infer All } ? (In extends keyof All ? NonNullable<All[In]> : unknown) : unknown;
type Body<O> = O extends { requestBody?: infer B } ? (NonNullable<B> extends { content: { "application/json": infer J } } ? J : never) : never;
type Answers<O> = O extends { responses: infer R } ? { [S in keyof R & (200 | 201 | 202)]: R[S] }[keyof R & (200 | 201 | 202)] : never;
/** What an operation answers with. */
export type Result<P extends keyof paths, M extends Method = "get"> = Answers<Of<P, M>> extends { content: { "application/json": infer J } } ? J : unknown;

export interface Options<O> {
  path?: Parameters<O, "path"> extends object ? Parameters<O, "path"> : never;
  query?: Parameters<O, "query"> extends object ? Parameters<O, "query"> : never;
  body?: Body<O>;
  /** If-Match: the version that was shown. */
  match?: string;
}

async function call<M extends Method, P extends With<M>>(method: M, path: P, options: Options<Of<P, M>> = {}): Promise<Result<P, M>> {
  return (await whole(method, path, options)).body;
}

/** With the ETag, for a form that will send it back as `match`. */
async function whole<M extends Method, P extends With<M>>(
  method: M,
  path: P,
  options: Options<Of<P, M>> = {},
): Promise<{ body: Result<P, M>; etag: string | null }> {
  const url = address(path as string, options.path as object, options.query as object);
  const headers: Record<string, string> = options.match === undefined ? {} : { "If-Match": options.match };
  const ask = (more: Record<string, string>) => renewing(() => send(method.toUpperCase(), url, options.body, { ...headers, ...more }));
  const answer = method === "post" ? await once(`${url} ${JSON.stringify(options.body)}`, (key) => ask({ "Idempotency-Key": key })) : await ask({});
  return answer as { body: Result<P, M>; etag: string | null };
}

/** Once more when the session's cookies had to be renewed. */
export async function renewing<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof ApiFault && error.status === 401 && (await renewed()))) throw error;
    return await ask();
  }
}

let reviving: Promise<boolean> | null = null;

/** For what the browser fetches by itself and does not say of why it failed, as a picture: whether it may be asked for
 * again. What the session's cookies have lost is renewed then; those that fail together ask once. */
export function revived(): Promise<boolean> {
  reviving ??= api
    .get("/auth/me")
    .then(
      () => true,
      () => false,
    )
    .finally(() => {
      reviving = null;
    });
  return reviving;
}

/** The address of an operation. What is undefined, null or "" is left out of the query. */
export function address(path: string, parts: object = {}, query: object = {}): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String((parts as Record<string, unknown>)[name])));
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") asked.append(name, String(value));
  }
  const text = asked.toString();
  return `${filled.startsWith("/api/") ? "" : "/api/v1"}${filled}${text ? `?${text}` : ""}`;
}

export const api = {
  get: <P extends With<"get">>(path: P, options?: Options<Of<P, "get">>) => call("get", path, options),
  post: <P extends With<"post">>(path: P, options?: Options<Of<P, "post">>) => call("post", path, options),
  put: <P extends With<"put">>(path: P, options?: Options<Of<P, "put">>) => call("put", path, options),
  delete: <P extends With<"delete">>(path: P, options?: Options<Of<P, "delete">>) => call("delete", path, options),
  whole: <P extends With<"get">>(path: P, options?: Options<Of<P, "get">>) => whole("get", path, options),
};
