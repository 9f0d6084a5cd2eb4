// A door's line: what the hub tells as a page joins, and what is added as minutes pass.

import assert from "node:assert/strict";
import { it } from "node:test";

import { clockOf, drawn, MINUTES, minutesAfter } from "../src/doors/series.ts";

const at = (text: string): number => Date.parse(`2026-11-25T${text}Z`);
const told = Array.from({ length: MINUTES }, (_, minute) => minute);

it("begins with what the hub knows, and its last is the rate of now", () => {
  const known = minutesAfter(undefined, at("08:00:10"), 7, told);
  assert.deepEqual(drawn(known, 7), [...told.slice(0, -1), 7]);
});

it("a minute that has passed is kept as it ended, and the oldest goes", () => {
  let known = minutesAfter(undefined, at("08:00:10"), 7, told);
  known = minutesAfter(known, at("08:00:59"), 40);
  assert.equal(drawn(known, 40).length, MINUTES);
  known = minutesAfter(known, at("08:01:00"), 41);
  known = minutesAfter(known, at("08:01:01"), 3);
  assert.deepEqual(drawn(known, 3), [...told.slice(1, -1), 41, 3]);
  known = minutesAfter(known, at("08:03:00"), 5); // nothing was heard for a minute
  assert.deepEqual(drawn(known, 0).slice(-4), [41, 5, 5, 0]);
  assert.equal(drawn(known, 0).length, MINUTES);
});

it("what is known better replaces what was counted here", () => {
  const known = minutesAfter(minutesAfter(undefined, at("08:00:10"), 7), at("08:00:11"), 7, told);
  assert.deepEqual(drawn(known, 7).slice(0, 3), [0, 1, 2]);
});

it("a hub that tells nothing has a line that begins now", () => {
  const known = minutesAfter(undefined, at("08:00:10"), 7);
  assert.deepEqual(drawn(known, 7), [7]);
  assert.deepEqual(drawn(undefined, 7), [7]);
  assert.deepEqual(drawn(minutesAfter(known, at("09:00:00"), 1), 1).length, MINUTES);
});

it("a clock is right within five seconds, and else fast or slow", () => {
  assert.deepEqual([0, 5_000, -5_000, 5_001, -5_001, null, undefined].map(clockOf), ["right", "right", "right", "slow", "fast", null, null]);
});
