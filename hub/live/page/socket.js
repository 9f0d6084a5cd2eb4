// As much of Engine.IO 4 and Socket.IO 5 as a screen needs, over one WebSocket, which it opens again after every cut.
//
// States: off, connecting (the first time), live, reconnecting (since the cut), ended (the session; it does not try
// again), refused (this account may not see it). It is live from the first message on, not from the handshake: until
// then nothing has been told. Who is looking, the browser says with the session's cookie.

const NAMESPACE = /^4([0124])\/live(?:,\d*(.*))?$/s;
const OPENING_MS = 10_000; // from the attempt to the first message
const FIRST_MS = 1_000; // the first pause is half of this to all of it, the next twice that
const LONGEST_MS = 20_000;
const SESSION_ENDED = 4001; // the one close code after which connecting again is useless
const NOT_ALLOWED = ["forbidden", "not_found"];
const SETTLED_MS = 10_000; // a connection that lasted as long begins with short pauses again

/** How long ago something was, by whichever clock saw more: one stops while a laptop sleeps, the other can be set. */
class Since {
  constructor() {
    this.now();
  }

  now() {
    this.wall = Date.now();
    this.steady = performance.now();
  }

  get ms() {
    return Math.max(0, Date.now() - this.wall, performance.now() - this.steady);
  }
}

export class LiveSocket {
  /**
   * `onState()` after every change of state; `onMessage(name, data, cutAt)` for events, amended, stats and reset; `cutAt`
   * is null but for the first message after a cut from which it resumed. `renew()`: a promise of whether the session
   * goes on, when the hub does not take the cookie any more.
   */
  constructor({ onState, onMessage, renew }) {
    this.onState = onState;
    this.onMessage = onMessage;
    this.renew = renew;
    this.state = "off";
    this.cutAt = null; // when the connection was lost, or null
    this.why = ""; // the hub's words on the last refusal or cut
    this.wanted = false;
    this.renewing = false;
    this.auth = {};
    this.renewed = false; // since the last message
    this.cursor = null;
    this.packet = new Since(); // the last packet of any kind
    this.message = new Since(); // the last message
    this.tried = new Since();
    this.begun = new Since();
    this.silenceMs = OPENING_MS;
    this.failures = 0;
    this.socket = null;
    this.timer = 0;
  }

  /** Begin from the present. `auth`: what to say beside the cookie. */
  open(auth = {}) {
    this.close();
    this.wanted = true;
    this.auth = auth;
    this.renewed = false;
    this.cursor = null;
    this.cutAt = null;
    this.failures = 0;
    this.#become("connecting");
    this.#connect();
  }

  close() {
    this.#drop();
    this.wanted = false;
    this.#become("off");
  }

  /** Do not wait for the end of the pause. */
  retry() {
    if (this.wanted && this.socket === null && !this.renewing) this.#connect();
  }

  /** To be called often, and whenever the page wakes: a silent connection is a cut one. */
  check() {
    if (this.socket === null) return;
    const tooLong = !this.heard && this.tried.ms > OPENING_MS;
    if (tooLong || this.packet.ms > this.silenceMs) this.#cut("nothing was heard from the hub");
  }

  #become(state, why = "") {
    this.state = state;
    this.why = why;
    this.onState();
  }

  #drop() {
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null;
    if (socket !== null) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }

  #connect() {
    this.#drop();
    const url = new URL("socket.io/?EIO=4&transport=websocket", document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    url.hash = "";
    this.silenceMs = OPENING_MS;
    this.packet.now();
    this.tried.now();
    this.joined = this.heard = false;
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onmessage = (event) => this.#read(event.data);
    socket.onclose = ({ code, reason }) => (code === SESSION_ENDED ? this.#end("ended", reason) : this.#cut(reason));
  }

  /** The connection is gone, or worth nothing: try again after a pause that differs from screen to screen. */
  #cut(why) {
    if (this.heard && this.begun.ms > SETTLED_MS) this.failures = 0;
    this.#drop();
    this.cutAt ??= new Date();
    const pause = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(this.failures++, 10));
    this.timer = setTimeout(() => this.#connect(), pause * (0.5 + Math.random() / 2));
    this.#become("reconnecting", why);
  }

  #read(packet) {
    if (typeof packet !== "string") return;
    this.packet.now();
    try {
      if (packet === "2") this.socket.send("3");
      else if (packet[0] === "0") this.#greet(JSON.parse(packet.slice(1)));
      else if (packet[0] === "1") this.#cut("the hub closed the connection");
      else this.#packet(NAMESPACE.exec(packet));
    } catch (error) {
      console.error(error);
      this.#cut("a message could not be read");
    }
  }

  #greet({ pingInterval, pingTimeout }) {
    this.silenceMs = pingInterval + pingTimeout;
    const auth = { ...this.auth };
    if (this.cursor !== null) auth.cursor = this.cursor;
    this.socket.send(`40/live,${JSON.stringify(auth)}`);
  }

  #packet(found) {
    if (found === null) return;
    const [, type, body] = found;
    if (type === "0") this.#join();
    else if (type === "1") this.#cut("the hub sent this screen away");
    else if (type === "4") this.#turnedAway(JSON.parse(body));
    else if (this.joined) this.#take(...JSON.parse(body));
  }

  #join() {
    this.joined = true;
    this.begun.now();
    this.message.now();
  }

  /** The session has to be renewed, or is over; or the cursor is not one that this hub can read; or patience. */
  #turnedAway({ message, data }) {
    if (data?.code === "unauthorized") return this.#renew();
    if (NOT_ALLOWED.includes(data?.code)) return this.#end("refused", message);
    if (data?.code === "validation") {
      if (this.cursor === null) return this.#end("refused", message);
      this.cursor = null;
      this.onMessage("reset", { reason: "unknown_cursor" }, null);
    }
    return this.#cut(message ?? "");
  }

  /** An access cookie lives for minutes, a session for days. Once: what is refused even so will be refused again. */
  async #renew() {
    if (this.renewed) return this.#end("ended");
    this.#drop();
    this.renewed = this.renewing = true;
    const asked = this.auth;
    let goesOn;
    try {
      goesOn = await this.renew();
    } catch {
      this.renewed = false;
    }
    this.renewing = false;
    if (!this.wanted || this.auth !== asked) return undefined; // it was closed, or begun anew, meanwhile
    if (goesOn === undefined) return this.#cut("the hub could not be asked whether the session goes on");
    return goesOn ? this.#connect() : this.#end("ended");
  }

  /** It does not try again by itself. */
  #end(state, why = "") {
    this.#drop();
    this.wanted = false;
    this.#become(state, why);
  }

  /** The cursor counts once its events were taken, never before. */
  #take(name, data) {
    this.message.now();
    const cutAt = this.cursor === null ? null : this.cutAt;
    this.cutAt = null;
    this.renewed = false;
    if (!this.heard) {
      this.heard = true;
      this.#become("live");
    }
    this.onMessage(name, data, cutAt);
    if (typeof data?.cursor === "string") this.cursor = data.cursor;
  }
}
