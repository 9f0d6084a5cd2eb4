import assert from "node:assert/strict";
import { it } from "node:test";

import { daily, daysBefore, daysBetween, hourly } from "../src/admin/numbers.ts";

const seconds = (text: string): number => Date.parse(text) / 1000;

it("an hour in which nobody came is a zero, and the night of the two o'clocks has one hour more", () => {
  const first = seconds("2026-10-25T00:00:00+02:00");
  const rows = [
    { hour: "2026-10-25T02:00:00+02:00", entries: 2, denied: 1 },
    { hour: "2026-10-25T02:00:00+01:00", entries: 3, denied: 0 },
    { hour: "2026-10-26T00:00:00+01:00", entries: 9, denied: 9 },
  ];
  const [times, entries, denied] = hourly(rows, first, seconds("2026-10-26T00:00:00+01:00"));
  assert.equal(times.length, 25);
  assert.deepEqual(entries.slice(0, 5), [0, 0, 2, 3, 0]);
  assert.deepEqual([denied[2], entries.at(-1)], [1, 0]);
});

it("hours that begin at a quarter past keep it", () => {
  const first = seconds("2026-11-25T00:00:00+05:45");
  const [times, entries] = hourly([{ hour: "2026-11-25T08:00:00+05:45", entries: 4 }], first, first + 86_400);
  assert.deepEqual([times[8], entries[8]], [seconds("2026-11-25T08:00:00+05:45"), 4]);
});

it("days are all there, over the end of a month", () => {
  const days = daysBetween("2026-02-27", "2026-03-02");
  assert.deepEqual(days, ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02"]);
  const [times, entries, denied] = daily([{ day: "2026-03-01", entries: 5, denied: 2 }], days, (day) => seconds(`${day}T00:00:00Z`));
  assert.deepEqual([times.length, entries, denied], [4, [0, 0, 5, 0], [0, 0, 2, 0]]);
  assert.equal(daysBefore("2026-03-01", 6), "2026-02-23");
});
