// Forms out of the API's own types: a field is a name of the body that is sent, so that one that is not there any more
// is a type error. What may stand in it the hub says, beside the field.

export interface FieldOf<Body> {
  name: keyof Body & string;
  label: string;
  hint?: string;
  kind?: "text" | "email" | "tel" | "url" | "date" | "number" | "color" | "area" | "choice" | "yesno" | "switch";
  choices?: [string, string][];
  /** What no choice means, where that is not "none". */
  unset?: string;
  required?: boolean;
}

/** What of a field its value is made by. */
type Named = Pick<FieldOf<Record<string, unknown>>, "name" | "kind">;

/** What is typed: text, but for switches. */
export type Draft = Record<string, string | boolean>;

export function draftOf(fields: Named[], row: object = {}): Draft {
  const given = row as Record<string, unknown>;
  return Object.fromEntries(fields.map(({ name, kind }) => [name, kind === "switch" ? given[name] === true : text(given[name])]));
}

/** The body that makes something: what is empty is left out. */
export function made<Body>(fields: Named[], draft: Draft): Body {
  const said = fields.map((field) => [field.name, valueOf(field, draft)] as const).filter(([, value]) => value !== null);
  return Object.fromEntries(said) as Body;
}

/** The body that changes something: what differs from `row`, null where it was emptied. */
export function changed<Body>(fields: Named[], draft: Draft, row: object): Body {
  const before = draftOf(fields, row);
  const differing = fields.filter(({ name }) => draft[name] !== before[name]);
  return Object.fromEntries(differing.map((field) => [field.name, valueOf(field, draft)])) as Body;
}

function valueOf({ name, kind }: Named, draft: Draft): unknown {
  const value = draft[name];
  if (typeof value !== "string") return value ?? null;
  const said = value.trim();
  if (said === "") return null;
  if (kind === "yesno") return said === "true";
  return kind === "number" ? Number(said) : said;
}

const text = (value: unknown): string => (value === null || value === undefined ? "" : String(value));
