// Counted scans as columns of a chart: a minute without scans is a zero, not a gap.

export interface Counted {
  at: string;
  granted: number;
  denied: number;
}

export type Columns = [number[], number[], number[]];

/** Seconds since 1970, granted, denied: a column a minute from the first whole minute on, until the last. */
export function columns(times: Counted[], from: Date, until: Date, stepSeconds = 60): Columns {
  const first = Math.floor(from.getTime() / 1000 / stepSeconds) * stepSeconds;
  const count = Math.max(1, Math.ceil((until.getTime() / 1000 - first) / stepSeconds));
  const made: Columns = [Array.from({ length: count }, (_, place) => first + place * stepSeconds), Array<number>(count).fill(0), Array<number>(count).fill(0)];
  for (const { at, granted, denied } of times) {
    const place = Math.floor((new Date(at).getTime() / 1000 - first) / stepSeconds);
    if (place < 0 || place >= count) continue;
    made[1][place] = (made[1][place] ?? 0) + granted;
    made[2][place] = (made[2][place] ?? 0) + denied;
  }
  return made;
}
