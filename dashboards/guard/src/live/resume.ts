// Missing nothing: what a screen knows of its connection, its cursor and what it has shown. Pure: it opens no socket,
// reads no clock of its own and draws nothing, so that every cut can be played through in a test.
//
// States: off, connecting (the first time), live, late (nothing heard for too long), reconnecting (since the cut), ended
// (the session; it does not try again), refused (this account may not see it). It is live from the first message on,
// not from the handshake: until then nothing has been told.

export interface Clock {
  /** Milliseconds since 1970; somebody may set it. */
  wall: () => number;
  /** Milliseconds since whenever; it may stop while a laptop sleeps. */
  steady: () => number;
}

export interface ScanEvent {
  id: string;
  at: string;
  decision: string;
  reason: string | null;
  accessPoint: { id: string; name: string };
  student: { id: string; name: string; photoUrl: string | null } | null;
  pass: { id: string; passNumber: string | null; expiryDate: string | null } | null;
  direction: string | null;
  stale: boolean;
  offline: boolean;
  annulled?: boolean;
}

export type State = "off" | "connecting" | "live" | "late" | "reconnecting" | "ended" | "refused";
/** What a screen has to show, in this order. */
export type Told =
  | { kind: "scans"; scans: ScanEvent[] }
  | { kind: "amended"; scans: ScanEvent[] }
  | { kind: "mended"; cutAt: number }
  | { kind: "reset"; reason: string }
  | { kind: "acknowledged" }
  | { kind: "stats"; stats: unknown };
/** What is to be done about a connection that ended: try again after so many milliseconds, renew the session, or nothing. */
export type Next = { then: "again"; afterMs: number } | { then: "renew" } | { then: "rest" };

export const LATE_MS = 3_000; // stats come every second
export const SILENT_MS = 10_000; // from here on a connection is worth nothing
const FIRST_MS = 1_000; // the first pause is half of this to all of it, the next twice that
const LONGEST_MS = 20_000;
const SETTLED_MS = 10_000; // a connection that lasted as long begins with short pauses again
const SESSION_ENDED = 4001; // the one close code after which connecting again is useless
export const REMEMBERED = 10_000; // scans, to show none twice: more than a page keeps
const NOT_ALLOWED = ["forbidden", "not_found"];

/** How long ago something was, by whichever clock saw more. */
class Since {
  #clock: Clock;
  #wall = 0;
  #steady = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.now();
  }

  now(): void {
    this.#wall = this.#clock.wall();
    this.#steady = this.#clock.steady();
  }

  get ms(): number {
    return Math.max(0, this.#clock.wall() - this.#wall, this.#clock.steady() - this.#steady);
  }
}

/** Readers make the ids: two may make the same. */
export const keyOf = (scan: ScanEvent): string => `${scan.accessPoint?.id} ${scan.id}`;

export class Resume {
  /** When the connection was lost, or null. */
  cutAt: number | null = null;
  /** The hub's words on a refusal. */
  why = "";
  #clock: Clock;
  #random: () => number;
  #state: Exclude<State, "late"> = "off";
  #cursor: string | null = null;
  #known = new Set<string>();
  #ring: string[] = []; // the same, each where the next of its turn will be
  #place = 0;
  #joined = false;
  #heard = false; // on this connection
  #renewed = false; // since the last message
  #failures = 0;
  #message: Since;
  #tried: Since;
  #begun: Since;

  constructor(clock: Clock, random: () => number = Math.random) {
    this.#clock = clock;
    this.#random = random;
    this.#message = new Since(clock);
    this.#tried = new Since(clock);
    this.#begun = new Since(clock);
  }

  get state(): State {
    const waiting = this.#state === "live" || (this.#state === "connecting" && this.#joined);
    return waiting && this.#message.ms > LATE_MS ? "late" : this.#state;
  }

  /** Since the last message, in milliseconds. */
  get silence(): number {
    return this.#message.ms;
  }

  /** Whether a connection is to be kept up. */
  get wanted(): boolean {
    return !["off", "ended", "refused"].includes(this.#state);
  }

  /** What to join with, beside who one is. */
  get auth(): { cursor?: string } {
    return this.#cursor === null ? {} : { cursor: this.#cursor };
  }

  /** Begin from the present. */
  open(): void {
    this.close();
    this.#state = "connecting";
  }

  close(): void {
    this.#state = "off";
    this.cutAt = null;
    this.why = "";
    this.#cursor = null;
    this.#known.clear();
    this.#ring = [];
    this.#place = 0;
    this.#joined = this.#heard = this.#renewed = false;
    this.#failures = 0;
  }

  /** A connection is being tried. */
  trying(): void {
    this.#joined = this.#heard = false;
    this.#tried.now();
  }

  joined(): void {
    this.#joined = true;
    this.#begun.now();
    this.#message.now();
  }

  /** A silent connection is a cut one: to be asked often, and whenever the page wakes. */
  get dead(): boolean {
    if (!["connecting", "live", "reconnecting"].includes(this.#state)) return false;
    return this.#heard ? this.#message.ms > SILENT_MS : this.#tried.ms > SILENT_MS;
  }

  /** A message. Its cursor counts once what it tells was taken, never before: `taken` is given what it tells. */
  hear(name: string, data: unknown, taken: (told: Told) => void): void {
    if (!this.wanted || !this.#joined) return;
    this.#message.now();
    const cutAt = this.cutAt;
    this.#heard = true;
    this.#renewed = false;
    this.cutAt = null;
    this.why = "";
    this.#state = "live";
    if (cutAt !== null && this.#cursor !== null && name !== "reset") taken({ kind: "mended", cutAt });
    this.#tell(name, data, taken);
    const cursor = (data as { cursor?: unknown } | null)?.cursor;
    if (typeof cursor === "string") this.#cursor = cursor;
  }

  #tell(name: string, data: unknown, taken: (told: Told) => void): void {
    const { events = [], reason = "" } = (data ?? {}) as { events?: ScanEvent[]; reason?: string };
    if (name === "events") {
      const scans = events.filter((scan) => this.#isNew(scan));
      if (scans.length) taken({ kind: "scans", scans });
    } else if (name === "amended") taken({ kind: "amended", scans: events });
    else if (name === "reset") taken({ kind: "reset", reason });
    else if (name === "acknowledged") taken({ kind: "acknowledged" });
    else if (name === "stats") taken({ kind: "stats", stats: data });
  }

  #isNew(scan: ScanEvent): boolean {
    const key = keyOf(scan);
    if (this.#known.has(key)) return false;
    const oldest = this.#ring[this.#place];
    if (oldest !== undefined) this.#known.delete(oldest);
    this.#known.add(key);
    this.#ring[this.#place] = key;
    this.#place = (this.#place + 1) % REMEMBERED;
    return true;
  }

  /** The connection is gone, or worth nothing. `code`: of the WebSocket's end, if there was one. */
  lost(code = 0): Next {
    if (!this.wanted) return { then: "rest" };
    if (code === SESSION_ENDED) return this.#end("ended");
    if (this.#heard && this.#begun.ms > SETTLED_MS) this.#failures = 0;
    this.#joined = this.#heard = false;
    this.cutAt ??= this.#clock.wall();
    this.#state = "reconnecting";
    const pause = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(this.#failures++, 10));
    return { then: "again", afterMs: pause * (0.5 + this.#random() / 2) };
  }

  /** The hub did not let it join: the session has to be renewed, or is over; or the cursor is none of its; or patience. */
  turnedAway(code: string | undefined, message: string, taken: (told: Told) => void): Next {
    if (!this.wanted) return { then: "rest" };
    if (code === "unauthorized") {
      if (this.#renewed) return this.#end("ended", message); // what is refused even so will be refused again
      this.#renewed = true;
      return { then: "renew" };
    }
    if (code !== undefined && NOT_ALLOWED.includes(code)) return this.#end("refused", message);
    if (code === "validation") {
      if (this.#cursor === null) return this.#end("refused", message);
      this.#cursor = null;
      taken({ kind: "reset", reason: "unknown_cursor" });
    }
    return this.lost();
  }

  /** Whether the session goes on; undefined when the hub could not say. */
  renewed(goesOn: boolean | undefined): Next {
    if (!this.wanted) return { then: "rest" };
    if (goesOn === undefined) {
      this.#renewed = false;
      return this.lost();
    }
    return goesOn ? { then: "again", afterMs: 0 } : this.#end("ended");
  }

  /** It does not try again by itself. */
  #end(state: "ended" | "refused", why = ""): Next {
    this.#state = state;
    this.why = why;
    return { then: "rest" };
  }
}
