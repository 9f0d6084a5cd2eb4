// Times and numbers as the reader's language writes them, in the school's zone: a guard's screen may stand elsewhere.

import { beginningOf } from "./days.ts";
import { locale } from "./words/language.ts";

let zone: string | undefined;
let formats: { time: Intl.DateTimeFormat; minute: Intl.DateTimeFormat; day: Intl.DateTimeFormat; date: Intl.DateTimeFormat; key: Intl.DateTimeFormat };
const numbers = new Intl.NumberFormat(locale);

/** Undefined: the device's own. */
export function setZone(name: string | undefined): void {
  zone = name;
  formats = {
    time: make({ hour: "2-digit", minute: "2-digit", second: "2-digit" }),
    minute: make({ hour: "2-digit", minute: "2-digit" }),
    day: make({ day: "numeric", month: "short" }),
    date: make({ day: "numeric", month: "long", year: "numeric" }),
    key: make({ day: "2-digit", month: "2-digit", year: "numeric" }),
  };
}

function make(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(locale, { ...options, ...(zone === undefined ? {} : { timeZone: zone }), hourCycle: "h23" });
}

setZone(undefined);

export const zoneName = (): string => zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
export const number = (value: number): string => numbers.format(value);
/** A file's size; what is sent here has some megabytes at most. */
export const fileSize = (bytes: number): string => (bytes < 1_000_000 ? `${number(Math.max(1, Math.round(bytes / 1000)))} kB` : `${number(Math.round(bytes / 100_000) / 10)} MB`);
const valid = (date: Date): boolean => !Number.isNaN(date.getTime());

/** The time of day, with the day when it is not today's; nothing for what is no time. */
export function time(at: Date): string {
  if (!valid(at)) return "";
  const text = formats.time.format(at);
  return formats.key.format(at) === formats.key.format(new Date()) ? text : `${formats.day.format(at)}, ${text}`;
}

export const minute = (at: Date): string => (valid(at) ? formats.minute.format(at) : "");
export const date = (at: Date): string => (valid(at) ? formats.date.format(at) : "");

/** A day such as 2026-11-25, which has no zone. */
export function day(text: string): string {
  const at = new Date(`${text}T12:00:00Z`);
  return valid(at) ? new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" }).format(at) : text;
}

/** A day and month, where the year is known. */
export const shortDay = (at: Date): string => (valid(at) ? formats.day.format(at) : "");

/** The school's day, such as 2026-11-25. */
export const isoDay = (at: Date): string => new Intl.DateTimeFormat("en-CA", { timeZone: zoneName(), year: "numeric", month: "2-digit", day: "2-digit" }).format(at);

/** When a day such as 2026-11-25 begins at the school. */
export const dayStart = (day: string): Date => beginningOf(day, zoneName());

/** 1 is Monday. */
export const weekday = (number: number): string => new Intl.DateTimeFormat(locale, { weekday: "long", timeZone: "UTC" }).format(new Date(Date.UTC(2024, 0, number)));

/** The beginning of the school's day. */
export const midnight = (now = new Date()): Date => dayStart(isoDay(now));

export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}
