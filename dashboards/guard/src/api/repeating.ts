// Idempotency-Keys: what is sent again because its answer was lost is done once.
//
// A key belongs to one submission: the same request, sent again by whoever saw no answer, has the same key until an answer
// came. Silence is none, and neither is "not now": nobody knows what was done. When another request was answered meanwhile,
// the person has seen how things stand, and what they send from then on is meant anew.

const BYTES = 16;
const NOT_NOW = 429;
const FAILED = 500;

/** `going`: how many with this key are on their way. */
interface Submission {
  key: string;
  going: number;
}

/** Requests without an answer, by what they ask. */
const unanswered = new Map<string, Submission>();

/** Asks with the key of this submission, and passes on what comes of it. `what`: all that makes two requests the same. */
export async function once<T>(what: string, ask: (key: string) => Promise<T>): Promise<T> {
  const mine = unanswered.get(what) ?? { key: made(), going: 0 };
  unanswered.set(what, mine);
  mine.going++;
  try {
    const answer = await ask(mine.key);
    mine.going--;
    for (const [other, { going }] of unanswered) if (going === 0) unanswered.delete(other);
    return answer;
  } catch (error) {
    mine.going--;
    if (!isSilence(error) && mine.going === 0) unanswered.delete(what);
    throw error;
  }
}

/** Whether nobody knows what became of it: the hub was not reached (0), or could not say. */
function isSilence(error: unknown): boolean {
  const status = typeof error === "object" && error !== null && "status" in error ? Number(error.status) : Number.NaN;
  return status === 0 || status === NOT_NOW || status >= FAILED;
}

/** Not crypto.randomUUID, which is not there where a school has no TLS. */
function made(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(BYTES)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
