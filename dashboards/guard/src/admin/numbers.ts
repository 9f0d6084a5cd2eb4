// Counted hours and days as columns of a chart: where nobody came through is a zero, not a gap.

import type { Columns } from "../today/columns.ts";

interface Counted {
  entries?: number;
  denied?: number;
}

const HOUR = 3600;

/** A column an hour, from `first` until before `end`; both in seconds since 1970, and `first` where an hour begins. */
export function hourly(rows: (Counted & { hour: string })[], first: number, end: number): Columns {
  const times = Array.from({ length: Math.max(1, Math.ceil((end - first) / HOUR)) }, (_, place) => first + place * HOUR);
  return filled(times, rows.map((row) => [Math.floor((new Date(row.hour).getTime() / 1000 - first) / HOUR), row]));
}

/** A column a day. `days`: all of them, in order; `begins`: when one does, in seconds since 1970. */
export function daily(rows: (Counted & { day: string })[], days: string[], begins: (day: string) => number): Columns {
  return filled(days.map(begins), rows.map((row) => [days.indexOf(row.day), row]));
}

function filled(times: number[], rows: [number, Counted][]): Columns {
  const made: Columns = [times, times.map(() => 0), times.map(() => 0)];
  for (const [place, { entries = 0, denied = 0 }] of rows) {
    if (place < 0 || place >= times.length) continue;
    made[1][place] = (made[1][place] ?? 0) + entries;
    made[2][place] = (made[2][place] ?? 0) + denied;
  }
  return made;
}

/** Days such as 2026-11-25, from the first to the last. */
export function daysBetween(first: string, last: string): string[] {
  const days: string[] = [];
  const until = Date.parse(`${last}T12:00:00Z`);
  for (let at = Date.parse(`${first}T12:00:00Z`); at <= until; at += 24 * HOUR * 1000) days.push(new Date(at).toISOString().slice(0, 10));
  return days;
}

/** The day that is so many days before another. */
export const daysBefore = (day: string, days: number): string => new Date(Date.parse(`${day}T12:00:00Z`) - days * 24 * HOUR * 1000).toISOString().slice(0, 10);
