// The newest scan, large, and the list under it. The screen is touched once a frame, however many scans arrive, and
// the list has a fixed number of rows, which are used again.

const ROWS = 200;
const REMEMBERED = 20_000; // scans, to show none twice
const ANNOUNCE_MS = 4_000;
const BLINK_MS = 1_000; // more often would flicker, which some cannot bear

const REASONS = {
  malformed_code: "this is not the code of a pass",
  bad_signature: "the code is forged, or from another installation",
  unknown_pass: "no such pass was issued",
  inactive_pass: "the pass is switched off",
  not_yet_valid: "the pass is not valid yet",
  expired_pass: "the pass has expired",
  revoked_pass: "the pass was revoked",
  student_inactive: "the student is no longer enrolled",
  student_suspended: "the student is suspended",
  wrong_school: "the pass belongs to another school",
  school_inactive: "the school is switched off",
  uses_exhausted: "has been used as often as it may be",
  access_point_inactive: "this door is switched off",
  wrong_direction: "this door does not serve this direction",
  scan_id_reused: "the reader used the same number for two scans",
  stale_index: "the hub was cut off from its database for too long",
  hub_unavailable: "the hub could not keep the answer",
  already_inside: "this person is inside already",
  capacity_full: "it is full inside",
};

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const calendar = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const numbers = new Intl.NumberFormat("en-GB");
const still = matchMedia("(prefers-reduced-motion: reduce)");
const find = (id) => document.getElementById(id);

export const number = (value) => numbers.format(value);

/** The time of day here, with the day when it is not today; nothing for what is no time. */
export function time(date) {
  if (Number.isNaN(date.getTime())) return "";
  const text = clock.format(date);
  return date.toDateString() === new Date().toDateString() ? text : `${calendar.format(date)}, ${text}`;
}

export function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** What is shown of an event; whatever is not granted is denied. */
function scan(event) {
  const granted = event.decision === "granted";
  const pass = event.pass?.passNumber;
  const words = REASONS[event.reason] ?? String(event.reason ?? "no reason was given").replaceAll("_", " ");
  const marks = [event.annulled && "annulled: nobody passed", event.offline && "decided by the reader while offline", event.stale && "answered from memory"];
  return {
    key: `${event.accessPoint?.id} ${event.id}`, // readers make the ids: two may make the same
    id: event.id,
    kind: granted ? "granted" : "denied",
    word: granted ? "Granted" : "Denied",
    name: event.student?.name || (pass ? `Pass ${pass}` : "Unknown"),
    reason: [granted ? "" : words, ...marks].filter(Boolean).join(" · "),
    door: [event.accessPoint?.name ?? "Unknown door", event.direction].filter(Boolean).join(" · "),
    date: new Date(event.at),
    late: Boolean(event.offline),
  };
}

export class Scans {
  constructor() {
    this.list = find("scans");
    this.newest = find("newest");
    this.row = find("scan-row").content.firstElementChild;
    this.clear();
  }

  /** As at the beginning. */
  clear() {
    this.known = new Set();
    this.waiting = []; // oldest first; not on the screen yet
    this.large = null;
    this.drawn = null;
    this.total = 0;
    this.since = new Date();
    this.unsaid = 0;
    this.saidAt = -ANNOUNCE_MS;
    this.blinkedAt = -BLINK_MS;
    this.skew = 0; // this computer's clock minus the hub's, in ms
    this.list.replaceChildren();
    this.#draw();
  }

  /** Take events, oldest first. */
  take(events) {
    for (const event of events) {
      const shown = scan(event);
      if (this.known.has(shown.key)) continue;
      this.known.add(shown.key);
      this.total++;
      this.waiting.push(shown);
      if (!shown.late) this.large = shown;
      if (shown.kind === "denied") this.unsaid++;
    }
    for (const key of this.known) {
      if (this.known.size <= REMEMBERED) break;
      this.known.delete(key);
    }
    this.#soon();
  }

  /** These were shown, and are known better now. */
  amend(events) {
    for (const event of events) {
      const shown = scan(event);
      const place = this.waiting.findIndex((other) => other.key === shown.key);
      const row = [...this.list.children].find((other) => other.key === shown.key);
      if (place >= 0) this.waiting[place] = shown;
      if (row) this.#fill(row, shown);
      if (this.large?.key === shown.key) this.large = shown;
    }
    this.#soon();
  }

  /** A line between the scans before and after something that happened to this page. */
  note(title, text) {
    this.waiting.push({ key: null, id: "", kind: "note", word: "", name: title, reason: text, door: "", date: new Date() });
    this.#soon();
  }

  /** Once a second or so: the age of the newest scan, and for who listens, what was denied. */
  age() {
    const { drawn, newest } = this;
    if (drawn !== null) {
      const ago = newest.querySelector(".ago");
      const text = `${duration(Date.now() - this.skew - drawn.date)} ago`;
      if (ago.textContent !== text) ago.textContent = text;
    }
    if (this.unsaid > 0 && performance.now() - this.saidAt > ANNOUNCE_MS) this.#say();
  }

  #soon() {
    if (this.waiting.length > 2 * ROWS) this.waiting.splice(0, this.waiting.length - ROWS);
    this.frame ??= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.frame = null;
    const rows = this.waiting.splice(0).slice(-ROWS);
    const added = document.createDocumentFragment();
    for (const shown of rows) {
      const full = this.list.childElementCount + added.childElementCount >= ROWS;
      added.prepend(this.#fill(full ? this.list.lastElementChild : this.row.cloneNode(true), shown));
    }
    this.list.prepend(added);
    find("count").textContent = `${number(this.total)} since ${time(this.since)}`;
    if (this.large !== this.drawn) this.#enlarge();
    else if (this.large === null) this.newest.dataset.decision = "none";
  }

  #fill(row, shown) {
    row.key = shown.key;
    row.dataset.id = shown.id;
    row.dataset.decision = shown.kind;
    row.querySelector("use").setAttribute("href", `#${shown.kind}`);
    row.querySelector(".name bdi").textContent = shown.name;
    row.querySelector(".why").textContent = [shown.word, shown.reason].filter(Boolean).join(": ");
    row.querySelector(".door bdi").textContent = shown.door;
    row.querySelector("time").textContent = time(shown.date);
    return row;
  }

  #enlarge() {
    const { large: shown, newest } = this;
    this.drawn = shown;
    this.#fill(newest, shown);
    newest.querySelector(".word").textContent = shown.word;
    newest.querySelector(".why").textContent = shown.reason;
    this.age();
    if (!still.matches && performance.now() - this.blinkedAt > BLINK_MS) {
      this.blinkedAt = performance.now();
      newest.querySelector(".scan").animate([{ opacity: 0.6 }, { opacity: 1 }], { duration: 160 });
    }
  }

  #say() {
    const { large, unsaid } = this;
    const last = large?.kind === "denied" ? `Denied: ${large.name}, ${large.door}. ${large.reason}.` : "";
    find("announce").textContent = unsaid > 1 || !last ? `${number(unsaid)} denied. ${last}` : last;
    this.unsaid = 0;
    this.saidAt = performance.now();
  }
}
