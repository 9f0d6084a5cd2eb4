// Scanners that type for a US keyboard, on computers with other layouts: the same words as the hub's, case by case.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { isWellFormed } from "../src/scan/code.ts";
import { LAYOUTS } from "../src/scan/keyboards.ts";
import { recogniseLayout } from "../src/scan/scanners.ts";

const vectors = (name: string) => JSON.parse(readFileSync(new URL(`../../../docs/vectors/${name}.json`, import.meta.url), "utf8"));

test("the tables of keys are the hub's", () => {
  assert.deepEqual(LAYOUTS, vectors("keyboards").layouts);
});

test("each text is explained, or not, as the hub does", () => {
  const { cases } = vectors("keyboards");
  assert.ok(cases.length > 90);
  for (const { name, typed, fault } of cases) assert.deepEqual(recogniseLayout(typed), fault, name);
});

test("a code has the form that the hub wants", () => {
  const { codes } = vectors("codes");
  assert.ok(codes.length > 40);
  for (const { name, code, expect } of codes) assert.equal(isWellFormed(code), expect !== "malformed_code", name);
});
