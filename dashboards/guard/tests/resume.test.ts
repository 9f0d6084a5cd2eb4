// Cuts, refusals and resets, played through: what is shown is exact, in order, and each scan once.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { LATE_MS, REMEMBERED, Resume, SILENT_MS, type ScanEvent, type Told } from "../src/live/resume.ts";

class Hands {
  at = 1_000_000;
  slept = 0;
  wall = (): number => this.at;
  steady = (): number => this.at - this.slept;
}

const scan = (number: number, more: Partial<ScanEvent> = {}): ScanEvent => ({
  id: `s${number}`,
  at: "2026-11-25T08:00:00Z",
  decision: "granted",
  reason: null,
  accessPoint: { id: "d1", name: "North gate" },
  student: null,
  pass: null,
  direction: null,
  stale: false,
  offline: false,
  ...more,
});
const scans = (...numbers: number[]): ScanEvent[] => numbers.map((number) => scan(number));

function world(random = 1) {
  const hands = new Hands();
  const resume = new Resume(hands, () => random);
  const told: Told[] = [];
  const hear = (name: string, data: unknown): void => resume.hear(name, data, (one) => told.push(one));
  const events = (cursor: string, ...numbers: number[]): void => hear("events", { cursor, events: scans(...numbers) });
  const join = (): void => {
    resume.trying();
    resume.joined();
  };
  const shown = (): string[] => told.flatMap((one) => (one.kind === "scans" ? one.scans.map((each) => each.id) : []));
  const away = (code: string, message = "") => resume.turnedAway(code, message, (one) => told.push(one));
  return { hands, resume, told, hear, events, join, shown, away };
}

describe("a first connection", () => {
  it("is live when something was heard, not when it joined", () => {
    const { resume, join, hear } = world();
    assert.equal(resume.state, "off");
    resume.open();
    assert.equal(resume.state, "connecting");
    assert.deepEqual(resume.auth, {});
    join();
    assert.equal(resume.state, "connecting");
    hear("stats", {});
    assert.equal(resume.state, "live");
  });

  it("shows the first events without a word on a cut", () => {
    const { resume, join, events, told } = world();
    resume.open();
    join();
    events("c1", 1, 2);
    assert.deepEqual(told.map((one) => one.kind), ["scans"]);
    assert.deepEqual(resume.auth, { cursor: "c1" });
  });
});

describe("after a cut", () => {
  it("goes on where it was, in order, none twice", () => {
    const { resume, join, events, told, shown, hands } = world();
    resume.open();
    join();
    events("c1", 1, 2, 3);
    hands.at += 500;
    assert.equal(resume.lost().then, "again");
    assert.equal(resume.state, "reconnecting");
    assert.deepEqual(resume.auth, { cursor: "c1" });
    join();
    events("c2", 2, 3, 4);
    events("c3", 5);
    assert.deepEqual(shown(), ["s1", "s2", "s3", "s4", "s5"]);
    assert.deepEqual(told.map((one) => one.kind), ["scans", "mended", "scans", "scans"]);
    assert.equal(told[1]?.kind === "mended" && told[1].cutAt, 1_000_500);
  });

  it("keeps the moment of the first cut while it tries", () => {
    const { resume, join, hands, events } = world();
    resume.open();
    join();
    events("c1", 1);
    resume.lost();
    const cutAt = resume.cutAt;
    hands.at += 5_000;
    resume.trying();
    resume.lost();
    assert.equal(resume.cutAt, cutAt);
  });

  it("ends in any place of any batch, and nothing is missing", () => {
    const all = Array.from({ length: 60 }, (_, place) => place);
    for (let batch = 1; batch <= 7; batch++) {
      const { resume, join, events, shown } = world();
      resume.open();
      let from = 0;
      for (let turn = 0; from < all.length; turn++) {
        join();
        const known = Number((resume.auth.cursor ?? "0").replace("c", ""));
        from = Math.max(0, known - (turn % 3)); // a hub may tell again what it has told
        events(`c${Math.min(from + batch + 3, all.length)}`, ...all.slice(from, from + batch + 3));
        from += batch + 3;
        resume.lost();
      }
      assert.deepEqual(shown(), all.map((number) => `s${number}`));
    }
  });

  it("does not count a cursor whose events were not taken", () => {
    const { resume, join } = world();
    resume.open();
    join();
    assert.throws(() =>
      resume.hear("events", { cursor: "c9", events: scans(1) }, () => {
        throw new Error("could not be drawn");
      }),
    );
    assert.deepEqual(resume.auth, {});
  });

  it("waits longer each time, differently on each screen, and shortly again after a good connection", () => {
    const { resume, join, hands, hear } = world(1);
    resume.open();
    const pauses = [1, 2, 3, 4, 5, 6, 7].map(() => {
      const next = resume.lost();
      return next.then === "again" ? next.afterMs : 0;
    });
    assert.deepEqual(pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000]);
    join();
    hear("stats", {});
    hands.at += 11_000;
    assert.deepEqual(resume.lost(), { then: "again", afterMs: 1_000 });
    const patient = world(0);
    patient.resume.open();
    assert.deepEqual(patient.resume.lost(), { then: "again", afterMs: 500 });
  });
});

describe("its memory", () => {
  it("has a bound: the last scans are shown once, those long before would be new", () => {
    const { resume, join, events, shown } = world();
    resume.open();
    join();
    events("c1", ...Array.from({ length: REMEMBERED + 1 }, (_, number) => number));
    events("c2", 1, REMEMBERED);
    assert.equal(shown().length, REMEMBERED + 1);
    events("c3", 0);
    assert.equal(shown().length, REMEMBERED + 2);
  });
});

describe("two scans", () => {
  it("are two when they have the same id at two doors", () => {
    const { resume, join, hear, told } = world();
    resume.open();
    join();
    const other = scan(1, { accessPoint: { id: "d2", name: "Other" } });
    hear("events", { cursor: "c1", events: [scan(1), other, scan(1)] });
    assert.equal(told[0]?.kind === "scans" && told[0].scans.length, 2);
  });
});

describe("a reset", () => {
  it("is said, and its cursor is kept", () => {
    const { resume, join, events, hear, told } = world();
    resume.open();
    join();
    events("c1", 1);
    resume.lost();
    join();
    hear("reset", { reason: "too_far_behind", cursor: "c9" });
    assert.deepEqual(told.at(-1), { kind: "reset", reason: "too_far_behind" });
    assert.deepEqual(told.map((one) => one.kind), ["scans", "reset"]);
    assert.deepEqual(resume.auth, { cursor: "c9" });
  });

  it("is what a cursor becomes that the hub cannot read; without one it is refused", () => {
    const { resume, join, events, away, told } = world();
    resume.open();
    join();
    events("c1", 1);
    resume.lost();
    assert.equal(away("validation", "not a cursor").then, "again");
    assert.deepEqual(told.at(-1), { kind: "reset", reason: "unknown_cursor" });
    assert.deepEqual(resume.auth, {});
    assert.equal(away("validation", "schoolId is missing").then, "rest");
    assert.equal(resume.state, "refused");
    assert.equal(resume.why, "schoolId is missing");
  });
});

describe("silence", () => {
  it("is late after three seconds, and a cut after ten", () => {
    const { resume, join, hear, hands } = world();
    resume.open();
    join();
    hear("stats", {});
    hands.at += LATE_MS + 1;
    assert.equal(resume.state, "late");
    assert.equal(resume.dead, false);
    hear("stats", {});
    assert.equal(resume.state, "live");
    hands.at += SILENT_MS + 1;
    assert.equal(resume.dead, true);
  });

  it("is seen by a clock that went on while the other slept", () => {
    const { resume, join, hear, hands } = world();
    resume.open();
    join();
    hear("stats", {});
    hands.at += 3_600_000;
    hands.slept += 3_600_000;
    assert.equal(resume.dead, true);
    assert.equal(resume.state, "late");
  });

  it("of a hub that takes the connection and tells nothing is a cut too", () => {
    const { resume, join, hands } = world();
    resume.open();
    join();
    hands.at += SILENT_MS + 1;
    assert.equal(resume.dead, true);
  });
});

describe("a session", () => {
  it("that has ended is not asked again", () => {
    const { resume, join, hear } = world();
    resume.open();
    join();
    hear("stats", {});
    assert.equal(resume.lost(4001).then, "rest");
    assert.equal(resume.state, "ended");
    assert.equal(resume.lost().then, "rest");
  });

  it("is renewed once between two messages", () => {
    const { resume, join, hear, away } = world();
    resume.open();
    assert.equal(away("unauthorized").then, "renew");
    assert.deepEqual(resume.renewed(true), { then: "again", afterMs: 0 });
    assert.equal(away("unauthorized").then, "rest");
    assert.equal(resume.state, "ended");
    resume.open();
    away("unauthorized");
    resume.renewed(true);
    join();
    hear("stats", {});
    assert.equal(away("unauthorized").then, "renew");
  });

  it("that cannot be asked about is asked about later", () => {
    const { resume, away } = world();
    resume.open();
    away("unauthorized");
    assert.equal(resume.renewed(undefined).then, "again");
    assert.equal(resume.state, "reconnecting");
    assert.equal(away("unauthorized").then, "renew");
    assert.equal(resume.renewed(false).then, "rest");
    assert.equal(resume.state, "ended");
  });

  it("that may not look is told so", () => {
    const { resume, away } = world();
    resume.open();
    assert.equal(away("forbidden", "no").then, "rest");
    assert.equal(resume.state, "refused");
  });

  it("that was left hears nothing any more", () => {
    const { resume, join, events, told } = world();
    resume.open();
    join();
    events("c1", 1);
    resume.close();
    events("c2", 2);
    assert.equal(told.length, 1);
    resume.open();
    assert.deepEqual(resume.auth, {});
  });
});
