// Who looks at this page. The cookies are out of reach of every script: there is nothing here to keep or to lose.
//
// Phases: asking (at the start), out (nobody is signed in; `why` when somebody was), in, wall (it is no person's: a screen
// on a wall, or one that was, see wall/pairing.svelte.ts).

import { ApiFault } from "./api/errors.ts";
import type { Schemas } from "./api/client.ts";
import { send } from "./api/wire.ts";
import { setZone } from "./times.ts";

export type Me = Schemas["Me"];
export type Permission = Me["permissions"][number];
export type Why = "" | "ended" | "signedOut" | "unreachable";

const LOCK = "passhub.session";
const AUTH = "/api/v1/auth";
const RETRY_MS = 3_000;
const WALL = "passhub.wall"; // kept by a browser that was let in as a wall screen

class Session {
  phase = $state<"asking" | "out" | "in" | "wall">("asking");
  me = $state.raw<Me | null>(null);
  why = $state<Why>("");

  /** Whether this account may do all of these. */
  may(...wanted: Permission[]): boolean {
    const held = this.me?.permissions ?? [];
    return wanted.every((one) => held.includes(one));
  }

  enter(me: Me): void {
    forgetWall();
    if (me.school !== null) setZone(me.school.timezone); // who belongs to none has the zone of the one that is worked in
    this.me = me;
    this.why = "";
    this.phase = "in";
  }

  /** The hub has ended it, as whoever hears of it says. While somebody signs out that is their doing, and no news. */
  end(): void {
    if (this.phase === "in" && !leaving) this.leave("ended");
  }

  /** It is over. `why`: ended elsewhere, or by who sits here. */
  leave(why: Why): void {
    this.me = null;
    this.why = why;
    this.phase = "out";
  }
}

export const session = new Session();
/** Somebody is signing out: what else is on its way is refused. */
let leaving = false;

export const rememberWall = (): void => localStorage.setItem(WALL, "paired");
export const forgetWall = (): void => localStorage.removeItem(WALL);

/** One tab at a time: a refresh token is good for one use, and the second one that used it would end the session. */
async function alone<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks ? await navigator.locks.request(LOCK, work) : await work();
}

/** Lets in who has signed in before. Waits for a hub that cannot be reached. */
export async function begin(): Promise<void> {
  if (localStorage.getItem(WALL) !== null) {
    session.phase = "wall";
    return;
  }
  try {
    session.enter((await send("GET", `${AUTH}/me`)).body as Me);
  } catch (error) {
    await beginAnew(error);
  }
}

async function beginAnew(error: unknown): Promise<void> {
  if (!(error instanceof ApiFault)) throw error;
  if (error.status === 403) {
    session.phase = "wall"; // its cookie is no person's
    return;
  }
  if (error.status !== 401) {
    session.why = "unreachable";
    setTimeout(() => void begin(), RETRY_MS);
    return;
  }
  try {
    const me = await renewal();
    if (me === null) session.leave("");
    else session.enter(me);
  } catch {
    session.why = "unreachable";
    setTimeout(() => void begin(), RETRY_MS);
  }
}

/** null when it is done; else what is wrong, or that the password was right and a code of the second factor is wanted too.
 * Raises ApiFault for whatever else the hub refuses. */
export async function signIn(email: string, password: string, code: string, rememberMe: boolean): Promise<"password" | "code" | "noCode" | null> {
  return alone(async () => {
    const body = { email, password, rememberMe, delivery: "cookie", ...(code ? { totp: code } : {}) };
    try {
      const answer = await send("POST", `${AUTH}/login`, body);
      session.enter((answer.body as Schemas["SignedIn"]).user);
      return null;
    } catch (error) {
      if (!(error instanceof ApiFault && error.status === 401)) throw error;
      if (!/second factor/.test(error.message)) return "password";
      return code ? "code" : "noCode";
    }
  });
}

/** Whether the session goes on. Raises ApiFault when the hub cannot say. */
async function renewal(): Promise<Me | null> {
  return alone(async () => {
    try {
      return ((await send("POST", `${AUTH}/refresh`, {})).body as Schemas["SignedIn"]).user;
    } catch (error) {
      if (error instanceof ApiFault && (error.status === 401 || error.status === 403)) return null;
      throw error;
    }
  });
}

let renewing: Promise<boolean> | null = null;

/** Whether the session goes on; who was signed in and is not any more is told so. Requests that ask together ask once. */
export function renewed(): Promise<boolean> {
  renewing ??= renewal()
    .then((me) => {
      if (me === null) session.end();
      else if (session.phase === "in" && !leaving) session.enter(me);
      return me !== null;
    })
    .finally(() => {
      renewing = null;
    });
  return renewing;
}

/** Whether the hub has ended it. */
export async function signOut(): Promise<boolean> {
  leaving = true;
  try {
    try {
      await send("POST", `${AUTH}/logout`);
    } catch (error) {
      if (!(error instanceof ApiFault && error.status === 401)) throw error;
      if ((await renewal()) !== null) await send("POST", `${AUTH}/logout`);
    }
    session.leave("signedOut");
    return true;
  } catch {
    return false;
  } finally {
    leaving = false;
  }
}
