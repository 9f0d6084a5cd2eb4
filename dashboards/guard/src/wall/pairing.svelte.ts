// A browser on a wall: nobody's account, and a session of its own that somebody lets in by the code that it shows.
//
// Phases: asking (it was paired, and asks whether it still is), pairing (it shows a code), paired. Whatever does not
// succeed is tried again by itself: nobody stands before it.

import type { Schemas } from "../api/client.ts";
import { ApiFault, words } from "../api/errors.ts";
import { send } from "../api/wire.ts";
import { begin, forgetWall, rememberWall, session } from "../session.svelte.ts";
import { setZone } from "../times.ts";

const AUTH = "/api/v1/auth";
const ASK_MS = 10_000; // where the hub says nothing else
const DAY_MS = 86_400_000;
const LOOK_MS = 60_000; // timers of days stand still while a machine sleeps

type Screen = Schemas["WallSession"];

class WallPairing {
  phase = $state<"asking" | "pairing" | "paired">("asking");
  screen = $state.raw<Screen | null>(null);
  /** What somebody types; empty until the hub has given one. */
  code = $state("");
  /** It was paired, and is not any more. */
  over = $state(false);
  /** Why it does not get on at this moment. */
  fault = $state("");
  #secret = "";
  #until = 0;
  #renewedAt = 0;
  #turn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #daily: ReturnType<typeof setInterval> | undefined;

  start(): void {
    if (session.phase === "wall") void this.#ask();
    else void this.#pair();
  }

  stop(): void {
    this.#turn++;
    clearTimeout(this.#timer);
    clearInterval(this.#daily);
  }

  /** The hub has closed what it shows. */
  end(): void {
    this.stop();
    this.over = true;
    this.screen = null;
    session.leave("");
    void this.#pair();
  }

  /** Whether its session goes on. Raises ApiFault when the hub cannot say. */
  renewed = async (): Promise<boolean> => {
    try {
      this.#keep((await send("POST", `${AUTH}/wall-screen`)).body as Screen);
      return true;
    } catch (error) {
      if (error instanceof ApiFault && (error.status === 401 || error.status === 403)) return false;
      throw error;
    }
  };

  async #ask(): Promise<void> {
    const turn = ++this.#turn;
    this.phase = "asking";
    try {
      const { body } = await send("POST", `${AUTH}/wall-screen`);
      if (turn === this.#turn) this.#enter(body as Screen);
    } catch (error) {
      if (turn !== this.#turn) return;
      const status = error instanceof ApiFault ? error.status : 0;
      if (status === 401) this.end();
      else if (status === 403) this.#isAPersons();
      else this.#tryAgain(error, () => this.#ask());
    }
  }

  /** Somebody has signed in with this browser since. */
  #isAPersons(): void {
    forgetWall();
    session.phase = "asking";
    void begin();
  }

  async #pair(): Promise<void> {
    const turn = ++this.#turn;
    this.phase = "pairing";
    this.code = "";
    try {
      const asked = (await send("POST", `${AUTH}/pairings`)).body as Schemas["Pairing"];
      if (turn !== this.#turn) return;
      this.fault = "";
      this.code = asked.code;
      this.#secret = asked.secret;
      this.#until = Date.now() + asked.expiresIn * 1_000;
      this.#claimIn(ASK_MS);
    } catch (error) {
      if (turn === this.#turn) this.#tryAgain(error, () => this.#pair());
    }
  }

  async #claim(): Promise<void> {
    const turn = this.#turn;
    try {
      const { body, retryAfter } = await send("POST", `${AUTH}/pairings/claim`, { secret: this.#secret });
      if (turn !== this.#turn) return;
      this.fault = "";
      const { screen } = body as Schemas["Claimed"];
      if (screen === null) this.#claimIn(retryAfter === null ? ASK_MS : retryAfter * 1_000);
      else this.#enter(screen);
    } catch (error) {
      if (turn !== this.#turn) return;
      if (error instanceof ApiFault && error.status === 401) void this.#another();
      else this.#tryAgain(error, () => this.#claim());
    }
  }

  /** The code has run out. Where a school was switched off for a while, the session that there was is good again. */
  async #another(): Promise<void> {
    const turn = this.#turn;
    const back = this.over && (await this.renewed().catch(() => false));
    if (turn !== this.#turn) return;
    if (back && this.screen !== null) this.#enter(this.screen);
    else void this.#pair();
  }

  /** And at once when the code has run out. */
  #claimIn(ms: number): void {
    const left = Math.max(1_000, this.#until - Date.now() + 500);
    this.#later(Math.min(ms, left), () => this.#claim());
  }

  #enter(screen: Screen): void {
    this.stop();
    rememberWall();
    this.#keep(screen);
    this.code = this.#secret = this.fault = "";
    this.over = false;
    this.phase = "paired";
    session.phase = "wall";
    this.#daily = setInterval(() => {
      if (Date.now() - this.#renewedAt >= DAY_MS) void this.renewed().catch(() => undefined); // else at the next look
    }, LOOK_MS);
  }

  #keep(screen: Screen): void {
    setZone(screen.timezone);
    this.screen = screen;
    this.#renewedAt = Date.now();
  }

  #tryAgain(error: unknown, work: () => Promise<void>): void {
    this.fault = words(error);
    const after = error instanceof ApiFault ? error.retryAfter : null;
    this.#later(after === null ? ASK_MS : Math.max(1, after) * 1_000, work);
  }

  #later(ms: number, work: () => Promise<void>): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void work(), ms);
  }
}

export const wall = new WallPairing();
