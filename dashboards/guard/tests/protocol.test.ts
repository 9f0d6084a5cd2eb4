// The reader's protocol in a page, played through: no scan is lost, none gets another id, and nobody is hammered.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { PATIENCE_MS, Reader, type Next, type Told } from "../src/scan/protocol.ts";
import { Once, SAME_MS, Typing } from "../src/scan/typing.ts";

const FRAMES = JSON.parse(readFileSync(new URL("../../../docs/vectors/frames.json", import.meta.url), "utf8")) as {
  fromHub: { name: string; json: string }[];
};
const POINT = { id: "d1", name: "North gate", accessType: "both", isActive: true };

function world(random = 1) {
  const hands = { at: 1_000_000 };
  const told: Told[] = [];
  const reader = new Reader({ steady: () => hands.at, wall: () => hands.at }, (one) => told.push(one), () => random);
  const hear = (frame: object): void => reader.hear(JSON.stringify(frame));
  const join = (most = 64): void => {
    reader.connecting();
    hear({ type: "welcome", accessPoint: POINT, limits: { maxInFlight: most } });
  };
  const ask = (...ids: string[]): void => {
    for (const scanId of ids) reader.ask({ scanId, code: `SP1:${scanId}`, direction: null, deviceInfo: {} });
  };
  const sent = (): string[] => reader.take().map((text) => JSON.parse(text)).flatMap((one) => (one.type === "scan" ? [one.scanId] : []));
  const kinds = (): string[] => reader.take().map((text) => JSON.parse(text).type as string);
  const answer = (scanId: string, decision = "granted"): void => hear({ type: "decision", scanId, decision, reason: null });
  const answered = (): string[] => told.map((one) => (one.kind === "decision" ? one.decision.scanId : `${one.kind} ${one.scanId}`));
  reader.begin();
  return { hands, reader, told, hear, join, ask, sent, kinds, answer, answered };
}

const after = (next: Next): number => (next.then === "again" ? next.afterMs : Number.NaN);

describe("a connection", () => {
  it("is ready with the welcome, and sends nothing before", () => {
    const { reader, ask, join, sent, kinds } = world();
    ask("a");
    reader.connecting();
    assert.deepEqual([reader.state, sent()], ["connecting", []]);
    join();
    assert.deepEqual([reader.state, reader.point?.name], ["ready", "North gate"]);
    assert.deepEqual(kinds(), ["status", "scan"]);
  });

  it("understands every frame of the hub's, and passes over what is none", () => {
    const { reader, join } = world();
    join();
    for (const { json } of FRAMES.fromHub) reader.hear(json);
    for (const text of ["", "null", "7", "{}", '{"type":"later"}', "[1]"]) reader.hear(text);
    assert.equal(reader.state, "ready");
  });

  it("shows the door as it was changed", () => {
    const { reader, join, hear } = world();
    join();
    hear({ type: "config", accessPoint: { ...POINT, isActive: false } });
    assert.equal(reader.point?.isActive, false);
  });

  it("says how it is once a minute, and asks for a sign of life every 15 s", () => {
    const { hands, join, kinds, hear } = world();
    join();
    assert.deepEqual(kinds(), ["status"]);
    hands.at += 14_999;
    assert.deepEqual(kinds(), []);
    hands.at += 1;
    assert.deepEqual(kinds(), ["scans"]);
    hear({ type: "decisions", decisions: [] });
    hands.at += 45_000;
    assert.deepEqual(kinds(), ["status", "scans"]);
  });

  it("is dead without a welcome, without an answer, and not while nothing was asked", () => {
    const { hands, reader, join, ask, sent, hear } = world();
    reader.connecting();
    hands.at += 15_001;
    assert.equal(reader.dead, true);
    join();
    sent();
    hands.at += 14_000;
    assert.equal(reader.dead, false);
    ask("a");
    sent();
    hands.at += PATIENCE_MS;
    assert.equal(reader.dead, false);
    hear({ type: "keys" }); // it lives
    hands.at += PATIENCE_MS;
    assert.equal(reader.dead, false);
    hands.at += 1;
    assert.equal(reader.dead, true);
  });

  it("is asked for a sign of life at once by who doubts", () => {
    const { hands, reader, join, kinds } = world();
    join();
    kinds();
    reader.doubt();
    assert.deepEqual(kinds(), ["scans"]);
    hands.at += PATIENCE_MS + 1;
    assert.equal(reader.dead, true);
  });
});

describe("scans", () => {
  it("are matched by their ids, in one frame or in many; a second answer changes nothing", () => {
    const { reader, join, ask, sent, answer, answered, hear } = world();
    join();
    ask("a", "b", "c");
    assert.deepEqual(sent(), ["a", "b", "c"]);
    answer("b", "denied");
    hear({ type: "decisions", decisions: [{ scanId: "c" }, { scanId: "a" }, { scanId: "x" }] });
    answer("b");
    assert.deepEqual([answered(), reader.open], [["b", "c", "a"], 0]);
  });

  it("are sent as many at once as the hub takes", () => {
    const { join, ask, sent, answer } = world();
    join(2);
    ask("a", "b", "c");
    assert.deepEqual([sent(), sent()], [["a", "b"], []]);
    answer("a");
    assert.deepEqual(sent(), ["c"]);
  });

  it("are sent again after a cut, under the same ids, in the old order, and before newer ones", () => {
    const { reader, join, ask, sent, answer, answered } = world();
    join(3);
    ask("a", "b", "c", "d");
    sent();
    answer("b");
    reader.lost(1006);
    ask("e");
    assert.deepEqual([sent(), reader.open], [[], 4]);
    join(10);
    assert.deepEqual(sent(), ["a", "c", "d", "e"]);
    for (const id of ["a", "c", "d", "e"]) answer(id);
    assert.deepEqual(answered(), ["b", "a", "c", "d", "e"]);
  });

  it("that the hub has no room for wait a moment, and go first", () => {
    const { hands, join, ask, sent, hear } = world();
    join();
    ask("a", "b");
    sent();
    hear({ type: "error", code: "slow_down", scanId: "a", message: "" });
    assert.deepEqual(sent(), []);
    hands.at += 100;
    assert.deepEqual(sent(), ["a"]);
  });

  it("that cannot be read are not sent again", () => {
    const { reader, join, ask, sent, hear, answered } = world();
    join();
    ask("a", "b", "c");
    sent();
    hear({ type: "error", code: "invalid_scan", scanId: "a", message: "" });
    assert.deepEqual(answered(), ["unreadable a"]);
    assert.equal(after(reader.lost(1009)), 60_000);
    assert.deepEqual([answered(), reader.open, reader.trouble], [["unreadable a", "unreadable b", "unreadable c"], 0, "unread"]);
  });

  it("are forgotten with the session, and when another door is chosen", () => {
    for (const [forget, state] of [["end", "off"], ["begin", "connecting"]] as const) {
      const { reader, join, ask, sent } = world();
      join();
      ask("a", "b");
      sent();
      ask("c");
      reader[forget]();
      assert.deepEqual([reader.open, reader.state, reader.point, sent()], [0, state, null, []]);
    }
  });
});

describe("after a cut", () => {
  it("pauses twice as long each time, at random, up to 15 s, and begins anew after an answer", () => {
    const { reader, join, ask, sent, answer } = world(0);
    assert.deepEqual(Array.from({ length: 9 }, () => (reader.connecting(), after(reader.lost()))), [125, 250, 500, 1000, 2000, 4000, 7500, 7500, 7500]);
    join();
    ask("a");
    sent();
    answer("a");
    assert.equal(after(reader.lost()), 125);
    assert.equal(after(world(1).reader.lost()), 250);
  });

  it("begins anew after a connection that lasted 5 s, and not after a shorter one", () => {
    const { hands, reader, join } = world(0);
    join();
    reader.lost();
    join();
    hands.at += 4_999;
    assert.equal(after(reader.lost()), 250);
    join();
    hands.at += 5_000;
    assert.equal(after(reader.lost()), 125);
  });

  it("comes back at once when the hub restarts, but not twice in a row", () => {
    const { reader, join } = world(1);
    join();
    assert.equal(after(reader.lost(1012)), 500);
    reader.connecting();
    assert.equal(after(reader.lost(1012)), 250);
    join();
    assert.equal(after(reader.lost(1012)), 500);
  });

  it("does not fight for a door that another window took", () => {
    const { reader, join } = world();
    join();
    assert.equal(after(reader.lost(4002)), 300_000);
    assert.deepEqual([reader.state, reader.wanted], ["replaced", true]);
  });

  it("asks whether the session goes on", () => {
    const { reader, join, ask } = world(0);
    join();
    ask("a");
    assert.equal(reader.lost(4001).then, "session");
    assert.equal(after(reader.renewed(undefined)), 125); // the hub could not say
    assert.equal(reader.open, 1);
    assert.equal(reader.turnedAway(401).then, "session");
    assert.equal(reader.renewed(false).then, "rest");
    assert.deepEqual([reader.state, reader.open], ["off", 0]);
  });

  it("rests where there are no tickets for this account or this door, and waits for a hub that is away", () => {
    for (const [status, trouble] of [[403, "forbidden"], [404, "gone"]] as const) {
      const { reader } = world();
      assert.equal(reader.turnedAway(status).then, "rest");
      assert.deepEqual([reader.state, reader.trouble, reader.wanted], ["refused", trouble, false]);
    }
    for (const status of [0, 429, 500, 503]) {
      const { reader } = world(0);
      assert.equal(after(reader.turnedAway(status)), 125);
      assert.equal(reader.state, "reconnecting");
    }
  });

  it("says so when tickets do not connect", () => {
    const { reader, join } = world();
    for (let count = 1; count <= 3; count++) {
      reader.connecting();
      reader.lost();
      assert.equal(reader.trouble, count < 3 ? "" : "handshake");
    }
    join();
    assert.equal(reader.trouble, "");
  });
});

describe("what is typed", () => {
  const typed = (gap: number, count: number): boolean => {
    const typing = new Typing();
    for (let key = 0; key < count; key++) typing.key(key * gap, key === 0);
    return typing.quick(count * gap);
  };

  it("is a scanner's when it is quick", () => {
    assert.deepEqual([typed(5, 200), typed(60, 20), typed(61, 20), typed(5, 3)], [true, true, false, false]);
  });

  it("begins anew in an empty field", () => {
    const typing = new Typing();
    typing.key(0, true);
    for (let key = 0; key < 9; key++) typing.key(90_000 + key, key === 0);
    assert.equal(typing.quick(90_010), true);
  });

  it("ends; what is filled in by other means afterwards is not a scanner's", () => {
    const typing = new Typing();
    for (let key = 0; key < 9; key++) typing.key(key, key === 0);
    assert.deepEqual([typing.end(9), typing.end(10)], [true, false]);
  });
});

it("a code that is held up is one scan, beside another one too, and the other one shows at once", () => {
  const once = new Once();
  const seen: [string, number, boolean][] = [
    ["a", 0, true],
    ["a", 1_900, false],
    ["a", 3_800, false],
    ["b", 3_801, true],
    ["a", 3_802, false],
    ["b", 3_803, false],
    ["a", 3_802 + SAME_MS, true],
    ["a", 3_803 + SAME_MS, false],
    ["b", 3_804 + SAME_MS, true],
  ];
  for (const [code, at, fresh] of seen) assert.equal(once.fresh(code, at), fresh, `${code} at ${at}`);
});
