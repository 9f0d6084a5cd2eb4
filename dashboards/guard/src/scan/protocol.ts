// The reader's side of docs/readers.md, for a browser: what is asked and not answered yet, across all connections; what
// to send next; what to do when a connection ends. Pure: it opens no socket and reads no clock of its own.
//
// A browser decides nothing alone. A scan that has no answer is kept, and sent again under the same scanId.

export type Direction = "entry" | "exit";

export interface Point {
  id: string;
  name: string;
  accessType: "entry" | "exit" | "both";
  isActive: boolean;
}

export interface Decision {
  scanId: string;
  decision: string;
  reason: string | null;
  student: { id: string; name: string; photoUrl: string | null } | null;
  pass: { id: string; passNumber: string; expiryDate: string } | null;
  accessTime: string;
  stale: boolean;
}

export interface Scan {
  /** A random UUID: one scan, one id, for ever. */
  scanId: string;
  code: string;
  direction: Direction | null;
  /** Kept with the scan; at most 1 KiB of JSON. */
  deviceInfo: Record<string, string>;
}

/** What became of a scan. `unreadable`: the hub cannot read it, and never will. */
export type Told = { kind: "decision"; decision: Decision } | { kind: "unreadable"; scanId: string };
/** What is to be done about a connection that ended: another after so many milliseconds, ask whether the session goes on,
    or nothing. */
export type Next = { then: "again"; afterMs: number } | { then: "session" } | { then: "rest" };
/** `refused`: it does not try again by itself; `trouble` says why. */
export type State = "off" | "connecting" | "ready" | "reconnecting" | "replaced" | "refused";
/** `forbidden`, `gone`: no ticket for this door any more. `handshake`: tickets are given, and do not connect. `unread`: the
    hub cannot read what this page says. */
export type Trouble = "" | "forbidden" | "gone" | "handshake" | "unread";

export const SUBPROTOCOL = "passhub.v1.json";
export const TICKET = "passhub.ticket.";
export const MAX_CODE = 4096; // characters
export const PATIENCE_MS = 8_000; // a connection that answers nothing for as long is worth nothing
const WELCOME_MS = 15_000;
const BEAT_MS = 15_000; // a page cannot ping: an empty `scans` is answered by an empty `decisions`
const STATUS_MS = 60_000;
const SETTLED_MS = 5_000; // a connection that lasted as long begins with short pauses again
const FIRST_MS = 250;
const LONGEST_MS = 15_000;
const FAULT_MS = 60_000;
const REPLACED_MS = 300_000;
const RESTART_MS = 500;
const HANDSHAKES = 3; // in a row that fail, before it is said
const [RESTART, SESSION, REPLACED] = [1012, 4001, 4002];
const OUR_FAULT = [1002, 1007, 1008, 1009];

export interface Clock {
  /** Milliseconds since whenever. */
  steady: () => number;
  /** Milliseconds since 1970. */
  wall: () => number;
}

interface Frame {
  type?: string;
  accessPoint?: Point;
  limits?: { maxInFlight?: number };
  decisions?: Decision[];
  code?: string;
  scanId?: string;
}

export class Reader {
  state: State = "off";
  trouble: Trouble = "";
  /** The door, as the hub told it last; null before the first welcome. */
  point: Point | null = null;
  #clock: Clock;
  #random: () => number;
  #tell: (told: Told) => void;
  #waiting: Scan[] = [];
  #flight = new Map<string, Scan>();
  #most = 64; // under way at once; the hub says how many
  #holdUntil = 0;
  #began = 0;
  #welcomed: number | null = null;
  #heard = 0;
  /** Since when something that was sent has no answer; null when all has. */
  #unanswered: number | null = null;
  #beat = 0;
  #status = 0;
  #answered = false; // something, on this connection
  #attempt = 0;
  #restarted = false;
  #unopened = 0;

  constructor(clock: Clock, tell: (told: Told) => void, random: () => number = Math.random) {
    this.#clock = clock;
    this.#tell = tell;
    this.#random = random;
  }

  /** Scans without an answer. */
  get open(): number {
    return this.#waiting.length + this.#flight.size;
  }

  /** Whether a connection is to be kept up. */
  get wanted(): boolean {
    return !["off", "refused"].includes(this.state);
  }

  /** Whether the connection is to be cut, since nothing comes from it. */
  get dead(): boolean {
    const now = this.#clock.steady();
    if (this.#welcomed === null) return now - this.#began > WELCOME_MS;
    return this.#unanswered !== null && now - Math.max(this.#unanswered, this.#heard) > PATIENCE_MS;
  }

  // From the page

  /** At a door. What another door has not answered is forgotten: it would be asked about at this one. */
  begin(): void {
    this.#clear();
    this.state = "connecting";
    this.trouble = "";
    this.#attempt = this.#unopened = 0;
  }

  end(): void {
    this.#clear();
    this.state = "off";
    this.trouble = "";
  }

  ask(scan: Scan): void {
    this.#waiting.push(scan);
  }

  /** Something happened to the network or to this computer: find out at once whether the connection is alive. */
  doubt(): void {
    this.#beat = -BEAT_MS;
  }

  // The connection

  /** A socket is being opened. */
  connecting(): void {
    this.#began = this.#clock.steady();
    this.#welcomed = this.#unanswered = null;
    this.#answered = false;
    this.#holdUntil = 0;
  }

  /** A text frame of the hub's. What is not understood is passed over: newer hubs say more. */
  hear(text: string): void {
    const frame = parsed(text);
    if (frame === null) return;
    this.#heard = this.#clock.steady();
    if (frame.type === "welcome" && frame.accessPoint) this.#welcome(frame.accessPoint, frame.limits?.maxInFlight);
    else if (frame.type === "config" && frame.accessPoint) this.point = frame.accessPoint;
    else if (frame.type === "decision") this.#decided([frame as unknown as Decision]);
    else if (frame.type === "decisions") this.#decided(frame.decisions ?? []);
    else if (frame.type === "error") this.#refused(frame);
  }

  /** The frames that are to be sent now; nothing before the welcome. */
  take(): string[] {
    if (this.#welcomed === null) return [];
    const now = this.#clock.steady();
    const frames: object[] = [];
    if (now - this.#status >= STATUS_MS) {
      this.#status = now;
      frames.push({ type: "status", time: new Date(this.#clock.wall()).toISOString(), firmware: "passhub console" });
    }
    while (now >= this.#holdUntil && this.#flight.size < this.#most) {
      const scan = this.#waiting.shift();
      if (scan === undefined) break;
      this.#flight.set(scan.scanId, scan);
      frames.push({ type: "scan", ...scan });
    }
    if (now - this.#beat >= BEAT_MS) {
      this.#beat = now;
      frames.push({ type: "scans", scans: [] });
    }
    if (frames.some((frame) => (frame as Frame).type !== "status")) this.#unanswered ??= now;
    return frames.map((frame) => JSON.stringify(frame));
  }

  /** It is over. `code`: the hub's, 0 when there was none. */
  lost(code = 0): Next {
    const lived = this.#welcomed === null ? 0 : this.#clock.steady() - this.#welcomed;
    if (this.#answered || lived >= SETTLED_MS) this.#attempt = 0;
    this.#unopened = this.#welcomed === null && code === 0 ? this.#unopened + 1 : 0;
    this.#welcomed = this.#unanswered = null;
    if (OUR_FAULT.includes(code)) this.#giveUp();
    this.#putBack();
    if (code === SESSION) {
      this.state = "reconnecting";
      return { then: "session" };
    }
    if (code === REPLACED) {
      this.state = "replaced";
      return { then: "again", afterMs: REPLACED_MS };
    }
    this.state = "reconnecting";
    this.trouble = OUR_FAULT.includes(code) ? "unread" : this.#unopened >= HANDSHAKES ? "handshake" : "";
    return { then: "again", afterMs: OUR_FAULT.includes(code) ? FAULT_MS : this.#pause(code) };
  }

  /** There was no ticket. `status`: of HTTP, 0 when the hub could not be reached. */
  turnedAway(status: number): Next {
    if (status === 401) return { then: "session" };
    if (status === 403 || status === 404) {
      this.state = "refused";
      this.trouble = status === 403 ? "forbidden" : "gone";
      return { then: "rest" };
    }
    this.state = "reconnecting";
    this.trouble = "";
    return { then: "again", afterMs: this.#pause(0) };
  }

  /** Whether the session goes on; undefined when the hub could not say. */
  renewed(goesOn: boolean | undefined): Next {
    if (goesOn !== false) return { then: "again", afterMs: this.#pause(0) };
    this.end();
    return { then: "rest" };
  }

  #clear(): void {
    this.#waiting = [];
    this.#flight.clear();
    this.#welcomed = this.#unanswered = null;
    this.point = null;
  }

  #welcome(point: Point, most: number | undefined): void {
    this.#welcomed = this.#clock.steady();
    this.#status = -STATUS_MS;
    this.#beat = this.#welcomed;
    this.#most = most ?? this.#most;
    this.#unopened = 0;
    this.#restarted = false;
    this.point = point;
    this.state = "ready";
    this.trouble = "";
  }

  #decided(decisions: Decision[]): void {
    for (const decision of decisions) {
      if (!this.#flight.delete(decision.scanId)) continue; // a second answer changes nothing
      this.#answered = true;
      this.#tell({ kind: "decision", decision });
    }
    this.#settle();
  }

  #refused(frame: Frame): void {
    const scan = this.#flight.get(frame.scanId ?? "");
    if (scan !== undefined) {
      this.#flight.delete(scan.scanId);
      if (frame.code === "slow_down") this.#slowDown(scan);
      else this.#tell({ kind: "unreadable", scanId: scan.scanId });
    } else if (frame.code === "malformed_frame") this.#giveUp(); // which one, it does not say
    this.#settle();
  }

  /** The same again once another is answered; when none is under way, after a moment. */
  #slowDown(scan: Scan): void {
    this.#waiting.unshift(scan);
    this.#holdUntil = this.#clock.steady() + (this.#flight.size > 0 ? 20 + 80 * this.#random() : 100 + 900 * this.#random());
  }

  #settle(): void {
    this.#unanswered = this.#flight.size > 0 ? this.#clock.steady() : null;
  }

  /** What is under way is not to be sent again. */
  #giveUp(): void {
    const scans = [...this.#flight.keys()];
    this.#flight.clear();
    for (const scanId of scans) this.#tell({ kind: "unreadable", scanId });
  }

  #putBack(): void {
    this.#waiting.unshift(...this.#flight.values());
    this.#flight.clear();
  }

  #pause(code: number): number {
    if (code === RESTART && !this.#restarted) {
      this.#restarted = true;
      return RESTART_MS * this.#random();
    }
    const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(this.#attempt++, 30));
    return longest * (0.5 + this.#random() / 2);
  }
}

function parsed(text: string): Frame | null {
  try {
    const frame: unknown = JSON.parse(text);
    return typeof frame === "object" && frame !== null ? (frame as Frame) : null;
  } catch {
    return null;
  }
}
