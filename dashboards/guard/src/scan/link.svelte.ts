// This page as the reader of a door: a ticket, a WebSocket, and what became of each scan. What is said over it, and when
// to try again, protocol.ts says. It outlives the page: what has no answer yet is still sent when another one is looked at.

import { api } from "../api/client.ts";
import { ApiFault } from "../api/errors.ts";
import { ring } from "../live/sound.ts";
import { toasts } from "../parts/toasts.svelte.ts";
import { preferences } from "../preferences.svelte.ts";
import { renewed, session } from "../session.svelte.ts";
import { w } from "../words/scanning.ts";
import { Reader, SUBPROTOCOL, TICKET, type Decision, type Direction, type Next, type Point, type State, type Told, type Trouble } from "./protocol.ts";
import type { LayoutFault } from "./scanners.ts";

const LOOK_MS = 250;
const KEPT = 30; // scans that are answered
export const WAIT_MS = 2_000; // longer, nobody stands at a door
export const LATE_MS = 10_000; // an answer after as long is about somebody who may not stand there any more

export type Means = "camera" | "scanner" | "hand";

export interface Entry {
  scanId: string;
  at: number; // milliseconds since 1970
  means: Means;
  /** What the scanner's keyboard did to it. */
  fault: LayoutFault | null;
  told: "nothing" | "decision" | "unreadable";
  decision: Decision | null;
  answeredAt: number | null;
}

class Link {
  state = $state<State>("off");
  trouble = $state<Trouble>("");
  point = $state.raw<Point | null>(null);
  /** How many scans have no answer. */
  open = $state(0);
  /** Newest first. */
  entries = $state.raw<Entry[]>([]);
  now = $state(Date.now());
  #door: string | null = null;
  #watched = false;
  #reader = new Reader({ steady: () => performance.now(), wall: () => Date.now() }, (told) => this.#told(told));
  #socket: WebSocket | null = null;
  #turn = 0; // of the attempt to connect: what an older one brings is passed over
  #connected = false; // or about to be
  #later: ReturnType<typeof setTimeout> | undefined;
  #ticking: ReturnType<typeof setInterval> | undefined;

  constructor() {
    addEventListener("online", () => this.#doubt());
    addEventListener("pageshow", () => this.#doubt());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#doubt();
    });
    addEventListener("beforeunload", (event) => {
      if (this.open > 0) event.preventDefault();
    });
  }

  /** Reads for this door from now on. */
  enter(door: string): void {
    this.#watched = true;
    if (door === this.#door && this.#reader.wanted) return;
    this.#drop();
    this.#door = door;
    this.entries = [];
    this.#reader.begin();
    this.#ticking ??= setInterval(() => this.#tick(), LOOK_MS);
    void this.#connect();
  }

  /** Nobody looks any more; it ends when everything is answered. */
  leave(): void {
    this.#watched = false;
    this.#look();
  }

  /** Ends it now. What has no answer is forgotten. */
  close(): void {
    this.#drop();
    this.#reader.end();
    this.#door = null;
    this.entries = [];
    clearInterval(this.#ticking);
    this.#ticking = undefined;
    this.#read();
  }

  /** The page goes with the right to it: what is left of it says why. */
  forbidden(): void {
    if (this.#door === null) return;
    this.close();
    toasts.fault(w.troubles.forbidden);
  }

  /** Does not wait for the end of the pause. */
  retry(): void {
    if (this.#door === null || this.#connected) return;
    if (!this.#reader.wanted) this.#reader.begin();
    void this.#connect();
  }

  ask(code: string, means: Means, direction: Direction | null, fault: LayoutFault | null): void {
    const scanId = crypto.randomUUID();
    const at = Date.now();
    const entry: Entry = { scanId, at, means, fault, told: "nothing", decision: null, answeredAt: null };
    this.entries = [entry, ...this.entries.filter((one, place) => one.told === "nothing" || place < KEPT)];
    this.#reader.ask({ scanId, code, direction, deviceInfo: { app: "console", means, scannedAt: new Date(at).toISOString() } });
    this.#flush();
  }

  #doubt(): void {
    if (!this.#reader.wanted) return;
    if (this.state === "reconnecting") this.retry();
    this.#reader.doubt();
    this.#flush();
  }

  async #connect(): Promise<void> {
    this.#drop();
    this.#connected = true;
    const turn = this.#turn;
    this.#reader.connecting();
    this.#look();
    let ticket: string;
    try {
      ({ ticket } = await api.post("/access-points/{id}/tickets", { path: { id: this.#door as string } }));
    } catch (error) {
      if (turn === this.#turn) this.#next(this.#reader.turnedAway(error instanceof ApiFault ? error.status : 0));
      return;
    }
    if (turn !== this.#turn) return;
    const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/readers/connect`;
    const socket = new WebSocket(url, [SUBPROTOCOL, TICKET + ticket]);
    this.#socket = socket;
    socket.onmessage = (event: MessageEvent<string>) => {
      this.#reader.hear(event.data);
      this.#flush();
    };
    socket.onclose = (event) => this.#next(this.#reader.lost(event.code === 1006 ? 0 : event.code)); // 1006: there was none
  }

  #drop(): void {
    this.#turn++;
    this.#connected = false;
    clearTimeout(this.#later);
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #next(next: Next): void {
    this.#drop();
    if (next.then === "again") this.#later = setTimeout(() => void this.#connect(), next.afterMs);
    else if (next.then === "session") void this.#askAgain(this.#turn);
    this.#look();
  }

  async #askAgain(turn: number): Promise<void> {
    let goesOn: boolean | undefined;
    try {
      goesOn = await renewed();
    } catch {
      goesOn = undefined;
    }
    if (turn !== this.#turn) return;
    if (goesOn === true && !session.may("access_points:scan")) this.forbidden();
    else this.#next(this.#reader.renewed(goesOn));
  }

  #tick(): void {
    if (this.#connected && this.#reader.dead) this.#next(this.#reader.lost());
    else this.#flush();
  }

  #flush(): void {
    if (this.#socket?.readyState === WebSocket.OPEN) for (const frame of this.#reader.take()) this.#socket.send(frame);
    this.#look();
  }

  #told(told: Told): void {
    const scanId = told.kind === "decision" ? told.decision.scanId : told.scanId;
    const answeredAt = Date.now();
    const decision = told.kind === "decision" ? told.decision : null;
    this.entries = this.entries.map((one) => (one.scanId === scanId ? { ...one, told: told.kind, decision, answeredAt } : one));
    const late = this.entries.some((one) => one.scanId === scanId && answeredAt - one.at > LATE_MS);
    if (decision !== null && decision.decision !== "granted" && !late && preferences.sound) ring();
  }

  #look(): void {
    if (this.#door !== null && (this.#reader.state === "off" || (!this.#watched && this.#reader.open === 0))) this.close();
    else this.#read();
  }

  #read(): void {
    const { state, trouble, point, open } = this.#reader;
    Object.assign(this, { state, trouble, open });
    if (point !== this.point) this.point = point;
    this.now = Date.now();
  }
}

export const link = new Link();
