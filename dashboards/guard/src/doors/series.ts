// Scans a minute at a door: what the hub knew of the last half hour when this page joined, and each minute since. Pure.

export const MINUTES = 30;
const MINUTE_MS = 60_000;

/** `over`: scans of each minute that is over, oldest first; `minute`: the one that runs, counted from 1970. */
export interface Minutes {
  minute: number;
  over: number[];
}

/** What is known after a message of `at` (ms). `told`: the hub's own, with the minute that runs as its last. */
export function minutesAfter(before: Minutes | undefined, at: number, perMinute: number, told?: number[]): Minutes {
  const minute = Math.floor(at / MINUTE_MS);
  if (told !== undefined) return { minute, over: told.slice(0, -1) };
  if (before === undefined) return { minute, over: [] };
  const passed = minute - before.minute;
  if (passed <= 0) return before;
  // The minute that has just ended had as many as the last sixty seconds.
  const ended = Array<number>(Math.min(passed, MINUTES - 1)).fill(perMinute);
  return { minute, over: [...before.over, ...ended].slice(1 - MINUTES) };
}

/** To be drawn: the last is the rate of now, as it is written beside. */
export const drawn = (known: Minutes | undefined, perMinute: number): number[] => [...(known?.over ?? []), perMinute];

/** A reader's clock that is further off than this writes wrong times of what it decides alone. */
export const CLOCK_MS = 5_000;

/** How a reader's clock goes, of the hub's clock minus its own; null where nobody knows. */
export function clockOf(skewMs: number | null | undefined): "right" | "fast" | "slow" | null {
  if (skewMs === null || skewMs === undefined) return null;
  if (Math.abs(skewMs) <= CLOCK_MS) return "right";
  return skewMs > 0 ? "slow" : "fast";
}
