// Lists that go on, as one.

/** What was read of a list, newest first; `more`: it goes on. */
export interface Part<Row> {
  rows: Row[];
  more: boolean;
}

/** Newest first, and only as far back as each of them was read: what is beyond comes with more of it. */
export function together<Row extends { at: string }>(parts: Part<Row>[]): Part<Row> {
  const at = (row: Row): number => Date.parse(row.at);
  const ends = parts.filter((one) => one.more).map((one) => Math.min(...one.rows.map(at)));
  const back = Math.max(-Infinity, ...ends);
  const rows = parts.flatMap((one) => one.rows).filter((row) => at(row) >= back);
  return { rows: rows.sort((one, other) => at(other) - at(one)), more: ends.length > 0 };
}
