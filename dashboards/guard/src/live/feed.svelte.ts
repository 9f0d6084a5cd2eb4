// What happens at the doors, for every page: one connection, a bounded memory, and at most one change a frame.

import { minutesAfter, type Minutes } from "../doors/series.ts";
import { preferences } from "../preferences.svelte.ts";
import { renewed, session } from "../session.svelte.ts";
import { duration, time } from "../times.ts";
import { w } from "../words/live.ts";
import { Connection } from "./connection.ts";
import { itemOf, noteOf, resetNote, type Item } from "./items.ts";
import type { State, Told } from "./resume.ts";
import { ring } from "./sound.ts";

const KEPT = 5_000; // items
const OVER = 100; // more, until the oldest go
const LOOK_MS = 250;
const NEWEST_MS = 250; // a face stays as long, so that it can be seen
const LATELY = 12;

export interface Door {
  id: string;
  name: string;
  perMinute: number;
  granted: number;
  denied: number;
  /** Silent: its connection is there, and nothing comes over it. */
  reader: "online" | "silent" | "offline";
  since: string | null;
  lastScanAt: string | null;
  /** The hub's clock minus the reader's. */
  skewMs?: number | null;
  firmware?: string | null;
  /** Scans that it has yet to replay. */
  queued?: number | null;
  /** Scans of each of the last thirty minutes: on joining, and when it is known better. */
  series?: number[];
}

export interface Stats {
  at: string;
  windowSeconds: number;
  accessPoints: Door[];
  feed: { ageSeconds: number; stale: boolean };
  journal: { waiting: number; oldestSeconds: number; healthy: boolean };
}

class Feed {
  state = $state<State>("off");
  silence = $state(0);
  cutAt = $state<number | null>(null);
  why = $state("");
  newest = $state.raw<Item | null>(null);
  stats = $state.raw<Stats | null>(null);
  denied = $state.raw<Item[]>([]);
  total = $state(0);
  since = $state.raw(new Date());
  /** This computer's clock minus the hub's, in ms. */
  skew = $state(0);
  now = $state(Date.now());
  /** Another number: somebody has seen to something. */
  acknowledged = $state(0);
  /** Oldest first; another array at most once a frame. */
  items = $state.raw<Item[]>([]);
  /** By door. */
  minutes = new Map<string, Minutes>();
  #renew = renewed;
  #connection = new Connection((told) => this.#take(told), () => this.#renew(), () => this.#look());
  #items: Item[] = [];
  #frame = 0;
  #latest: Item | null = null;
  #enlarged = 0;
  #later: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    setInterval(() => this.#wake(), LOOK_MS);
    const seen = (): void => {
      this.#wake();
      if (document.visibilityState === "visible") this.retry();
    };
    addEventListener("visibilitychange", seen);
    addEventListener("pageshow", seen);
    addEventListener("online", () => this.retry());
  }

  /** `schoolId`: whose, for who belongs to no school. `renew`: as a Connection is given it, for who is no person. */
  open(schoolId: string | null, renew: () => Promise<boolean> = renewed): void {
    this.#clear();
    this.#renew = renew;
    this.#connection.open(schoolId === null ? {} : { schoolId });
  }

  close(): void {
    this.#connection.close();
    this.#clear();
  }

  retry(): void {
    this.#connection.retry();
  }

  #clear(): void {
    this.items = this.#items = [];
    this.newest = this.#latest = this.stats = null;
    this.denied = [];
    this.total = 0;
    this.since = new Date();
    this.minutes.clear();
  }

  /** Timers of a page that nobody sees may be a minute late; whoever looks at it again does not wait for them. */
  #wake(): void {
    this.#connection.check();
    this.#look();
  }

  #look(): void {
    const { resume } = this.#connection;
    this.state = resume.state;
    this.silence = resume.silence;
    this.cutAt = resume.cutAt;
    this.why = resume.why;
    this.now = Date.now();
    if (this.state === "ended") session.end();
  }

  #take(told: Told): void {
    if (told.kind === "scans") this.#add(told.scans.map(itemOf));
    else if (told.kind === "amended") this.#amend(told.scans.map(itemOf));
    else if (told.kind === "mended") this.#add([noteOf(w.mended, w.mendedMore(time(new Date(told.cutAt)), duration(Date.now() - told.cutAt)))]);
    else if (told.kind === "acknowledged") this.acknowledged++;
    else if (told.kind === "reset") this.#add([resetNote(told.reason)]);
    else this.#count(told.stats as Stats);
  }

  #add(items: Item[]): void {
    this.#items.push(...items);
    if (this.#items.length > KEPT + OVER) this.#items = this.#items.slice(-KEPT);
    const scans = items.filter((one) => one.kind !== "note");
    this.total += scans.length;
    const current = scans.filter((one) => !one.late);
    const refused = current.filter((one) => one.kind === "denied");
    if (refused.length) this.denied = [...refused.reverse(), ...this.denied].slice(0, LATELY);
    if (refused.length && preferences.sound) ring();
    const last = current.at(-1);
    if (last) this.#enlarge(last);
    this.#soon();
  }

  /** These were shown, and their readers were told something else. */
  #amend(items: Item[]): void {
    const changed = new Map(items.map((one) => [one.key, one]));
    this.#items = this.#items.map((one) => changed.get(one.key) ?? one);
    this.denied = this.denied.map((one) => changed.get(one.key) ?? one).filter((one) => one.kind === "denied");
    if (this.#latest !== null) this.#latest = changed.get(this.#latest.key) ?? this.#latest;
    if (this.newest !== null) this.newest = changed.get(this.newest.key) ?? this.newest;
    this.#soon();
  }

  #enlarge(item: Item): void {
    this.#latest = item;
    clearTimeout(this.#later);
    const wait = NEWEST_MS - (performance.now() - this.#enlarged);
    const show = (): void => {
      this.#enlarged = performance.now();
      this.newest = this.#latest;
    };
    if (wait <= 0) show();
    else this.#later = setTimeout(show, wait);
  }

  #count(stats: Stats): void {
    this.skew = Date.now() - new Date(stats.at).getTime();
    const at = new Date(stats.at).getTime();
    for (const door of stats.accessPoints) this.minutes.set(door.id, minutesAfter(this.minutes.get(door.id), at, door.perMinute, door.series));
    this.stats = stats;
  }

  #soon(): void {
    if (this.#frame) return;
    const draw = (): void => {
      this.#frame = 0;
      this.items = this.#items.slice();
    };
    this.#frame = document.visibilityState === "visible" ? requestAnimationFrame(draw) : Number(setTimeout(draw, 1_000));
  }
}

export const feed = new Feed();
