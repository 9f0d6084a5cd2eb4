// The page: where the token comes from, what is said about the connection, and who gets which message.

import { Doors } from "./doors.js";
import { Scans, duration, number, time } from "./scans.js";
import { LiveSocket } from "./socket.js";

const KEY = "passhub.token";
const LATE_MS = 3_000; // stats come every second
const BACKLOG_SECONDS = 5; // older answers than this, still not in the database, are worth a word
const LOOK_MS = 250;

const find = (id) => document.getElementById(id);
const scans = new Scans();
const doors = new Doors();
const socket = new LiveSocket({ onState: look, onMessage: take });

/** Writes only what differs, so that a screen reader is not told the same thing again. */
function say(id, text) {
  const element = find(id);
  if (element.textContent !== text) element.textContent = text;
}

function offer(id, shown) {
  find(id).hidden = !shown;
}

// ── the token ───────────────────────────────────────────────────────────────────────────────────────────────────

const kept = {
  get: () => attempt(() => sessionStorage.getItem(KEY)),
  set: (token) => attempt(() => sessionStorage.setItem(KEY, token)),
  forget: () => attempt(() => sessionStorage.removeItem(KEY)),
};

/** A browser may forbid storage: then the token lives as long as the page. */
function attempt(action) {
  try {
    return action();
  } catch {
    return null;
  }
}

/** The token of `#token=…`, which leaves the address bar and the history at once. */
function fromAddress() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token !== null) history.replaceState(null, "", location.pathname + location.search);
  return token || null;
}

function begin(token) {
  kept.set(token);
  scans.clear();
  doors.clear();
  say("behind", "");
  offer("degraded", false);
  find("token").value = "";
  socket.open(token);
}

find("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  const token = find("token").value.trim();
  if (token) begin(token);
});
find("leave").addEventListener("click", () => {
  kept.forget();
  socket.close();
  scans.clear();
  doors.clear();
  find("token").focus();
});
find("retry").addEventListener("click", () => socket.retry());
addEventListener("hashchange", () => {
  const token = fromAddress();
  if (token !== null) begin(token);
});

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
  another_school: "The token is for another school.",
  incomplete_cursor: "The hub did not know of all hosts when this page was cut off.",
};

/** What was missed cannot be told any more; what follows is whole again. */
function reset({ reason }) {
  const why = RESETS[reason] ?? "The hub does not know where this page was.";
  scans.note("Started afresh", `${why} Scans may be missing between those above and those below this line.`);
}

// ── what is said about the connection ───────────────────────────────────────────────────────────────────────────

const WORDS = {
  off: "No token",
  connecting: "Connecting",
  live: "Live",
  late: "Late",
  reconnecting: "Reconnecting",
  refused: "Refused",
};

/** live, but nothing was heard for too long: late. */
function state() {
  const waiting = socket.state === "live" || (socket.state === "connecting" && socket.joined);
  return waiting && socket.message.ms > LATE_MS ? "late" : socket.state;
}

function look() {
  const now = state();
  const here = now !== "off" && now !== "refused";
  const since = socket.cutAt === null ? "" : time(socket.cutAt);
  const hub = socket.why ? ` (${socket.why})` : "";
  const bars = {
    late: `Nothing was heard from the hub for ${duration(socket.message.ms)}. What is shown may be old.`,
    reconnecting: `No connection since ${since}${hub}. What is shown is old; trying again.`,
  };
  document.documentElement.dataset.state = now;
  say("state-word", WORDS[now]);
  say("state-more", now === "reconnecting" ? `since ${since}` : "");
  say("bar-text", bars[now] ?? "");
  say("newest-title", now === "live" ? "Newest scan" : "Last known scan");
  say("refusal", now === "refused" ? `The hub refused this token${hub}.` : "");
  offer("bar", now in bars);
  offer("retry", now === "reconnecting");
  offer("enter", !here);
  offer("screen", here);
  offer("leave", here);
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

const token = fromAddress() ?? kept.get();
if (token !== null) begin(token);
else {
  look();
  find("token").focus();
}
