// When a day begins: far from UTC, on days whose clocks change, and where they change at midnight.

import assert from "node:assert/strict";
import { it } from "node:test";

import { beginningOf } from "../src/days.ts";

const begins = (day: string, zone: string): string => beginningOf(day, zone).toISOString().slice(0, 16);

it("a day begins at the school's midnight, however far its clocks are from UTC", () => {
  assert.equal(begins("2026-11-25", "UTC"), "2026-11-25T00:00");
  assert.equal(begins("2026-11-25", "Europe/Berlin"), "2026-11-24T23:00");
  assert.equal(begins("2026-11-25", "Asia/Kolkata"), "2026-11-24T18:30");
  assert.equal(begins("2026-11-25", "Pacific/Auckland"), "2026-11-24T11:00");
  assert.equal(begins("2026-11-25", "Pacific/Kiritimati"), "2026-11-24T10:00");
  assert.equal(begins("2026-11-25", "Pacific/Pago_Pago"), "2026-11-25T11:00");
});

it("a day whose clocks change begins at midnight as well, and so do those around it", () => {
  const days = (zone: string, ...some: string[]): string[] => some.map((day) => begins(day, zone));
  assert.deepEqual(days("Europe/Berlin", "2026-10-24", "2026-10-25", "2026-10-26"), ["2026-10-23T22:00", "2026-10-24T22:00", "2026-10-25T23:00"]);
  assert.deepEqual(days("Europe/Berlin", "2026-03-28", "2026-03-29", "2026-03-30"), ["2026-03-27T23:00", "2026-03-28T23:00", "2026-03-29T22:00"]);
  assert.deepEqual(days("America/New_York", "2026-11-01", "2026-11-02"), ["2026-11-01T04:00", "2026-11-02T05:00"]);
  assert.deepEqual(days("America/New_York", "2026-03-08", "2026-03-09"), ["2026-03-08T05:00", "2026-03-09T04:00"]);
});

it("where clocks change at midnight, a day begins with its first instant", () => {
  assert.equal(begins("2018-11-04", "America/Sao_Paulo"), "2018-11-04T03:00"); // at one o'clock: there was no midnight
  assert.equal(begins("2018-02-18", "America/Sao_Paulo"), "2018-02-18T03:00"); // what would have been midnight was eleven
  assert.equal(begins("2026-03-29", "Asia/Beirut"), "2026-03-28T22:00");
  assert.equal(begins("2021-10-29", "Asia/Amman"), "2021-10-28T21:00"); // the first of two midnights
  assert.equal(begins("2026-11-01", "America/Havana"), "2026-11-01T04:00");
});
