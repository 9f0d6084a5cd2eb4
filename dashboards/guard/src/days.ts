// When a day begins in a zone: clocks differ by up to fourteen hours, and change.

const DAY_MS = 86_400_000;

/** The first instant of a day such as 2026-11-25. */
export function beginningOf(day: string, zone: string): Date {
  const utc = Date.parse(`${day}T00:00:00Z`);
  const ahead = [-DAY_MS, DAY_MS].map((away) => aheadOfUtc(utc + away, zone));
  const first = utc - Math.max(...ahead);
  // Where the clock changes nearby, the earlier of both may still be of the day before.
  return new Date(first + aheadOfUtc(first, zone) >= utc ? first : utc - Math.min(...ahead));
}

/** How far the clocks of a zone are ahead, in milliseconds. */
function aheadOfUtc(at: number, zone: string): number {
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone: zone, timeZoneName: "longOffset" }).formatToParts(at);
  const name = parts.find((one) => one.type === "timeZoneName")?.value ?? "";
  const [, sign, hours, minutes, seconds] = /([+-])(\d+):(\d+)(?::(\d+))?/.exec(name) ?? [];
  const away = ((Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60 + Number(seconds ?? 0)) * 1000;
  return sign === "-" ? -away : away;
}
