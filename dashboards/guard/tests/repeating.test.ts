import assert from "node:assert/strict";
import { it } from "node:test";

import { once } from "../src/api/repeating.ts";

const LOST = { status: 0 };

/** Sends, and says with which key; `fault`: what the hub, or nobody, said. */
async function sent(what: string, fault?: { status: number }): Promise<string> {
  let key = "";
  const asked = once(what, async (given) => {
    key = given;
    if (fault) throw fault;
    return "done";
  });
  if (fault) await assert.rejects(asked, (error) => error === fault);
  else assert.equal(await asked, "done");
  return key;
}

it("a request without an answer has its key again, until an answer came", async () => {
  const first = await sent("a", LOST);
  assert.match(first, /^[0-9a-f]{32}$/);
  assert.equal(await sent("a", { status: 503 }), first);
  assert.equal(await sent("a", { status: 429 }), first);
  assert.equal(await sent("a"), first);
  assert.notEqual(await sent("a"), first);
});

it("a refusal is an answer", async () => {
  const first = await sent("b", { status: 422 });
  assert.notEqual(await sent("b"), first);
});

it("another request has another key", async () => {
  assert.notEqual(await sent("c", LOST), await sent("d", LOST));
  await sent("e");
});

it("what is sent after something else was answered is meant anew", async () => {
  const first = await sent("switch on", LOST);
  await sent("switch off");
  assert.notEqual(await sent("switch on"), first);
});

it("an answer to something else does not take the key of what is on its way", async () => {
  const keys: string[] = [];
  let lose = (): void => undefined;
  const slow = once("f", (key) => {
    keys.push(key);
    return new Promise((_, reject) => (lose = () => reject(LOST)));
  });
  await sent("g");
  lose();
  await assert.rejects(slow);
  assert.equal(await sent("f"), keys[0]);
});

it("two at once are one submission", async () => {
  const keys: string[] = [];
  const ask = async (key: string): Promise<void> => void keys.push(key);
  await Promise.all([once("h", ask), once("h", ask)]);
  assert.equal(keys[0], keys[1]);
});
