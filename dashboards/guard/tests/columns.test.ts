import assert from "node:assert/strict";
import { it } from "node:test";

import { columns } from "../src/today/columns.ts";

const at = (text: string): Date => new Date(`2026-11-25T${text}Z`);

it("a minute without scans is a zero", () => {
  const counted = [
    { at: "2026-11-25T08:01:00Z", granted: 3, denied: 1 },
    { at: "2026-11-25T08:03:00Z", granted: 2, denied: 0 },
  ];
  const [times, granted, denied] = columns(counted, at("08:00:30"), at("08:04:10"));
  assert.deepEqual(times.map((one) => new Date(one * 1000).toISOString().slice(11, 16)), ["08:00", "08:01", "08:02", "08:03", "08:04"]);
  assert.deepEqual(granted, [0, 3, 0, 2, 0]);
  assert.deepEqual(denied, [0, 1, 0, 0, 0]);
});

it("minutes add up to wider columns, and what is outside is left out", () => {
  const counted = ["07:59", "08:00", "08:14", "08:15", "09:00"].map((one) => ({ at: `2026-11-25T${one}:00Z`, granted: 1, denied: 0 }));
  assert.deepEqual(columns(counted, at("08:00:00"), at("08:30:00"), 900)[1], [2, 1]);
});
