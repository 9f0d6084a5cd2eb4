// The page: who looks at it, what is said about the connection, and who gets which message.

import { Doors } from "./doors.js";
import { Scans, duration, number, time } from "./scans.js";
import { renew, signIn, signOut } from "./session.js";
import { LiveSocket } from "./socket.js";

const LATE_MS = 3_000; // stats come every second
const BACKLOG_SECONDS = 5; // older answers than this, still not in the database, are worth a word
const LOOK_MS = 250;

const find = (id) => document.getElementById(id);
const scans = new Scans();
const doors = new Doors();
const socket = new LiveSocket({ onState: look, onMessage: take, renew });
let signedIn = false; // as far as is known: a session that never was has not ended

/** Writes only what differs, so that a screen reader is not told the same thing again. */
function say(id, text) {
  const element = find(id);
  if (element.textContent !== text) element.textContent = text;
}

function offer(id, shown) {
  find(id).hidden = !shown;
}

// ── who looks ───────────────────────────────────────────────────────────────────────────────────────────────────

/** A super admin says in the address which school: `/?schoolId=…`. */
function named() {
  const schoolId = new URLSearchParams(location.search).get("schoolId");
  return schoolId === null ? {} : { schoolId };
}

function clear() {
  signedIn = false;
  scans.clear();
  doors.clear();
  say("behind", "");
  offer("degraded", false);
}

function begin() {
  clear();
  socket.open(named());
}

/** The form, with a word on why; the cursor where something is to be typed. */
function ask(why, field = "email") {
  say("refusal", why);
  const code = field === "code";
  offer("code-part", code);
  find("code").required = code;
  if (!code) find("code").value = "";
  find(field).focus();
}

async function enter() {
  const email = find("email").value.trim();
  const code = find("code").value.trim();
  const submit = find("submit");
  if (!email || submit.disabled) return;
  submit.disabled = true;
  try {
    const refused = await signIn(email, find("password").value, code, find("remember").checked);
    if (refused !== null) {
      ask(`${refused.message}.`, refused.wantsCode ? "code" : "password");
      return;
    }
    for (const id of ["password", "code"]) find(id).value = "";
    begin();
    signedIn = true;
  } catch {
    ask("The hub cannot be reached. Try again in a moment.", "password");
  } finally {
    submit.disabled = false;
  }
}

async function leave() {
  socket.close();
  clear();
  if (!(await signOut())) ask("The hub cannot be reached: this browser may still be signed in.");
}

find("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  enter();
});
find("leave").addEventListener("click", leave);
find("retry").addEventListener("click", () => socket.retry());

// ── what arrives ────────────────────────────────────────────────────────────────────────────────────────────────

/** `cutAt`: with the first message after a cut, when that was. */
function take(name, data, cutAt) {
  if (cutAt !== null && name !== "reset") mended(cutAt);
  if (name === "events") scans.take(data.events);
  else if (name === "amended") scans.amend(data.events);
  else if (name === "stats") stats(data);
  else if (name === "reset") reset(data);
}

function stats(data) {
  scans.skew = Date.now() - new Date(data.at);
  doors.show(data.accessPoints, data.windowSeconds);
  const { feed, journal } = data;
  const full = journal.healthy === false ? "The hub cannot keep scans at the moment: its doors deny everybody." : "";
  const stale = feed.stale
    ? `The hub has been cut off from its database for ${duration(feed.ageSeconds * 1000)}: it answers from memory.`
    : "";
  const backlog =
    journal.oldestSeconds > BACKLOG_SECONDS
      ? `${number(journal.waiting)} answers are safe on the hub’s disk and wait for the database.`
      : "";
  say("degraded", [full, stale, backlog].filter(Boolean).join(" "));
  offer("degraded", full || stale || backlog);
  say("behind", `Hub at ${time(new Date(data.at))} · ${number(journal.waiting)} waiting for the database`);
}

function mended(cutAt) {
  const gone = duration(Date.now() - cutAt);
  scans.note("Connected again", `Cut off at ${time(cutAt)}, for ${gone}. What was missed stands above this line.`);
}

const RESETS = {
  too_far_behind: "Too much happened meanwhile.",
  counted_anew: "The hub’s journal was replaced.",
  another_school: "This is another school’s.",
  incomplete_cursor: "The hub did not know of all hosts when this page was cut off.",
};

/** What was missed cannot be told any more; what follows is whole again. */
function reset({ reason }) {
  const why = RESETS[reason] ?? "The hub does not know where this page was.";
  scans.note("Started afresh", `${why} Scans may be missing between those above and those below this line.`);
}

// ── what is said about the connection ───────────────────────────────────────────────────────────────────────────

const WORDS = {
  off: "Signed out",
  connecting: "Connecting",
  live: "Live",
  late: "Late",
  reconnecting: "Reconnecting",
  ended: "Session ended",
  refused: "Refused",
};

/** live, but nothing was heard for too long: late. */
function state() {
  const waiting = socket.state === "live" || (socket.state === "connecting" && socket.joined);
  if (socket.state === "ended" && !signedIn) return "off"; // nobody had signed in
  return waiting && socket.message.ms > LATE_MS ? "late" : socket.state;
}

function look() {
  const now = state();
  if (now === "live") signedIn = true;
  const here = !["off", "ended", "refused"].includes(now);
  const since = socket.cutAt === null ? "" : time(socket.cutAt);
  const hub = socket.why ? ` (${socket.why})` : "";
  const bars = {
    late: `Nothing was heard from the hub for ${duration(socket.message.ms)}. What is shown may be old.`,
    reconnecting: `No connection since ${since}${hub}. What is shown is old; trying again.`,
  };
  const root = document.documentElement;
  const changed = root.dataset.state !== now;
  root.dataset.state = now;
  say("state-word", WORDS[now]);
  say("state-more", now === "reconnecting" ? `since ${since}` : "");
  say("bar-text", bars[now] ?? "");
  say("newest-title", now === "live" ? "Newest scan" : "Last known scan");
  offer("bar", now in bars);
  offer("retry", now === "reconnecting");
  offer("enter", !here);
  offer("screen", here);
  offer("leave", here);
  if (changed && now === "ended") ask("The session has ended. Sign in again.");
  if (changed && now === "refused") ask(`The hub does not show this account the scans${hub}.`);
  if (changed && now === "off") ask("");
  document.title = `${WORDS[now]} · passhub`;
  scans.age();
}

function wake() {
  socket.check();
  look();
}

/** Timers of a page that nobody sees may be a minute late; whoever looks at it again does not wait for them. */
function seen() {
  wake();
  if (document.visibilityState === "visible") socket.retry();
}

setInterval(wake, LOOK_MS);
addEventListener("visibilitychange", seen);
addEventListener("pageshow", seen);
addEventListener("online", () => socket.retry());
say("zone", `Times in ${Intl.DateTimeFormat().resolvedOptions().timeZone}`);

begin(); // who has signed in before is let in
