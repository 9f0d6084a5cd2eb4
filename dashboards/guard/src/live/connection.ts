// The live namespace over socket.io-client. When to try again, and what a refusal means, resume.ts says.

import { io, type Socket } from "socket.io-client";

import { Resume, type Next, type Told } from "./resume.ts";

const MESSAGES = ["events", "amended", "reset", "stats", "acknowledged"];

interface Closed {
  description?: { code?: number } | string;
  context?: { code?: number };
}

export class Connection {
  resume = new Resume({ wall: () => Date.now(), steady: () => performance.now() });
  #socket: Socket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #renewing = false;
  #more: object = {};
  #taken: (told: Told) => void;
  #renew: () => Promise<boolean>;
  #changed: () => void;

  /** `renew`: whether the session goes on; raises when the hub cannot say. `changed`: the state may be another. */
  constructor(taken: (told: Told) => void, renew: () => Promise<boolean>, changed: () => void) {
    this.#taken = taken;
    this.#renew = renew;
    this.#changed = changed;
  }

  /** Begin from the present. `more`: what to say beside the cookie. */
  open(more: object = {}): void {
    this.close();
    this.#more = more;
    this.resume.open();
    this.#connect();
  }

  close(): void {
    this.#drop();
    this.resume.close();
    this.#changed();
  }

  /** Do not wait for the end of the pause. */
  retry(): void {
    if (this.resume.wanted && this.#socket === null && !this.#renewing) this.#connect();
  }

  /** To be called often, and whenever the page wakes. */
  check(): void {
    if (this.#socket !== null && this.resume.dead) this.#next(this.resume.lost());
  }

  #drop(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.removeAllListeners();
    socket?.io.engine?.close(); // first: a farewell into a connection that the hub is closing is a warning of the browser's
    socket?.disconnect();
  }

  #connect(): void {
    this.#drop();
    this.resume.trying();
    const socket = io("/live", {
      path: "/socket.io/",
      transports: ["websocket"],
      reconnection: false,
      forceNew: true,
      auth: (give) => give({ ...this.#more, ...this.resume.auth }),
    });
    this.#socket = socket;
    socket.on("connect", () => {
      this.resume.joined();
      this.#changed();
    });
    for (const name of MESSAGES) socket.on(name, (data: unknown) => this.#hear(name, data));
    socket.on("disconnect", (_, details) => {
      const { description, context } = (details ?? {}) as Closed;
      const end = typeof description === "object" ? description : context;
      this.#next(this.resume.lost(context?.code ?? end?.code ?? 0));
    });
    socket.on("connect_error", (error: Error & { data?: { code?: string } }) => {
      const next = error.data === undefined ? this.resume.lost() : this.resume.turnedAway(error.data.code, error.message, this.#taken);
      this.#next(next);
    });
    this.#changed();
  }

  #hear(name: string, data: unknown): void {
    const before = this.resume.state;
    this.resume.hear(name, data, this.#taken);
    if (this.resume.state !== before) this.#changed();
  }

  #next(next: Next): void {
    this.#drop();
    if (next.then === "again") this.#timer = setTimeout(() => this.#connect(), next.afterMs);
    else if (next.then === "renew") void this.#askAgain();
    this.#changed();
  }

  async #askAgain(): Promise<void> {
    this.#renewing = true;
    let goesOn: boolean | undefined;
    try {
      goesOn = await this.#renew();
    } catch {
      goesOn = undefined;
    }
    this.#renewing = false;
    this.#next(this.resume.renewed(goesOn));
  }
}
