// Several lists as one: in order, and no further back than each was read.

import assert from "node:assert/strict";
import { it } from "node:test";

import { together } from "../src/handover/together.ts";

const part = (more: boolean, ...times: string[]) => ({ more, rows: times.map((time) => ({ at: `2026-11-25T${time}Z` })) });
const shown = (rows: { at: string }[]): string[] => rows.map((one) => one.at.slice(11, -1));

it("lists that were read to their end are one, newest first", () => {
  const { rows, more } = together([part(false, "09:00:00", "08:00:00"), part(false, "08:30:00"), part(false)]);
  assert.deepEqual([shown(rows), more], [["09:00:00", "08:30:00", "08:00:00"], false]);
});

it("what is older than the end of a list that goes on waits for it", () => {
  const { rows, more } = together([part(true, "09:00:00", "08:45:00"), part(false, "08:50:00", "08:30:00")]);
  assert.deepEqual([shown(rows), more], [["09:00:00", "08:50:00", "08:45:00"], true]);
});

it("times with and without fractions are in order", () => {
  assert.deepEqual(shown(together([part(false, "08:00:00"), part(false, "08:00:00.5")]).rows), ["08:00:00.5", "08:00:00"]);
});
