// Refused rows, as hub/resources/imports/work.py writes them, are read, mended and written again.

import assert from "node:assert/strict";
import { test } from "node:test";

import { forSpreadsheet, readSheet, writeSheet } from "../src/admin/mending.ts";

const HEADER = "importLine;importFaults;Number;First name;Surname;phone\r\n";

test("a row has its cells, and which of them are at fault", () => {
  const text = `\ufeff${HEADER}3;"phone: must be a number; firstName: is needed";S-3;;"O""Hara; A";'+49 30\r\n`;
  const errors = [{ line: 3, field: "phone" }, { line: 3, field: "firstName" }, { line: 9, field: "email" }];
  assert.deepEqual(readSheet(text, errors, {}), {
    header: ["Number", "First name", "Surname", "phone"],
    rows: [{ line: 3, faults: "phone: must be a number; firstName: is needed", cells: ["S-3", "", 'O"Hara; A', "+49 30"], faulty: [1, 3] }],
  });
});

test("a column is found by what it was mapped to; where none is, all may be mended", () => {
  const text = `${HEADER}2;x;S-2;A;B;1\r\n4;x;S-4;A;B;1\r\n`;
  const errors = [{ line: 2, field: "studentId" }, { line: 4, field: "lastName" }];
  const { rows } = readSheet(text, errors, { Number: "studentId" });
  assert.deepEqual(rows.map((row) => row.faulty), [[0], [0, 1, 2, 3]]);
});

test("a cell may hold lines, quotes and commas, both ways", () => {
  const cells = ["a\nb", 'say "yes"', "1,2", ""];
  const text = writeSheet({ header: ["importLine", "importFaults", "c", "d", "e", "f"], rows: [{ cells: ["2", "x", ...cells] }] });
  assert.deepEqual(readSheet(text, [], {}).rows[0]?.cells, cells);
});

test("what a spreadsheet would take for a formula is text, and is read back as it was", () => {
  const cells = ["=1+1", "-x.jpg", "a-b.jpg", "@x"];
  const given = cells.map(forSpreadsheet);
  assert.deepEqual(given, ["'=1+1", "'-x.jpg", "a-b.jpg", "'@x"]);
  const text = writeSheet({ header: ["importLine", "importFaults", "c", "d", "e", "f"], rows: [{ cells: ["2", "x", ...given] }] });
  assert.deepEqual(readSheet(text, [], {}).rows[0]?.cells, cells);
});
