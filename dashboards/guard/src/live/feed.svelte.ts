// What happens at the doors, for every page: one connection, a bounded memory, and at most one change a frame.

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
const SAMPLE_MS = 3_000;
const SAMPLES = 60;
const LATELY = 12;

export interface Door {
  id: string;
  name: string;
  perMinute: number;
  granted: number;
  denied: number;
  reader: "online" | "offline";
  since: string | null;
  lastScanAt: string | null;
}

export interface Stats {
  at: string;
  windowSeconds: number;
  accessPoints: Door[];
  feed: { ageSeconds: number; stale: boolean };
  journal: { waiting: number; oldestSeconds: number; healthy: boolean };
}

/** What this page has seen of a door while it watched. */
export interface Watched {
  samples: number[];
  /** When its reader came or went, if that was seen. */
  changedAt: number | null;
  online: boolean;
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
  watched = new Map<string, Watched>();
  #connection = new Connection((told) => this.#take(told), () => renewed(), () => this.#look());
  #items: Item[] = [];
  #frame = 0;
  #latest: Item | null = null;
  #enlarged = 0;
  #later: ReturnType<typeof setTimeout> | undefined;
  #sampled = 0;

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

  /** `schoolId`: whose, for who belongs to no school. */
  open(schoolId: string | null): void {
    this.#clear();
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
    this.watched.clear();
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
    if (this.state === "ended" && session.phase === "in") session.leave("ended");
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
    const due = performance.now() - this.#sampled >= SAMPLE_MS;
    if (due) this.#sampled = performance.now();
    for (const door of stats.accessPoints) this.#watch(door, due);
    this.stats = stats;
  }

  #watch(door: Door, due: boolean): void {
    const online = door.reader === "online";
    const known = this.watched.get(door.id);
    if (known === undefined) {
      this.watched.set(door.id, { samples: [door.perMinute], changedAt: null, online });
      return;
    }
    if (known.online !== online) Object.assign(known, { online, changedAt: Date.now() });
    if (due) known.samples = [...known.samples.slice(1 - SAMPLES), door.perMinute];
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
