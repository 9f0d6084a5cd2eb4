// A screen with npm's own socket.io-client: what happens goes out as one line of JSON each, commands come in as lines.
//
//   node screen.mjs '{"url": "http://127.0.0.1:8080", "token": "…", "cursor"?, "origin"?, "reconnect"?}'
//
// It comes back by itself, whoever ended the connection, with the last cursor that it was given. `now` is the monotonic
// clock in seconds, which is the same in every process of the machine. Commands: {"cut": true} destroys the connection,
// {"deaf": SECONDS} stops reading, {"emit": [NAME, …]} sends; the end of standard input ends it.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(new URL("../../.venv/node/", import.meta.url));
const { io } = require("socket.io-client");

const AGAIN_MS = 50;
const options = JSON.parse(process.argv[2]);
const reconnect = options.reconnect ?? true;
let cursor = options.cursor ?? null;

const say = (what, more = {}) =>
  process.stdout.write(JSON.stringify({ what, now: Number(process.hrtime.bigint()) / 1e9, ...more }) + "\n");

const socket = io(new URL("/live", options.url).href, {
  transports: ["websocket"],
  auth: (give) => give(cursor === null ? { token: options.token } : { token: options.token, cursor }),
  reconnection: reconnect,
  reconnectionDelay: AGAIN_MS,
  reconnectionDelayMax: 10 * AGAIN_MS,
  ...(options.origin === undefined ? {} : { extraHeaders: { origin: options.origin } }),
});

socket.on("connect", () => say("connected", { sid: socket.id, sent: cursor }));

socket.on("connect_error", (error) => {
  // Not active: the hub itself said no, and the client would not ask again. Here it does where that was for the moment.
  const status = error.context?.statusCode ?? null;
  say("connect_error", { message: error.message, data: error.data ?? null, status, refused: !socket.active });
  if (reconnect && error.data?.code === "unavailable") setTimeout(() => socket.connect(), AGAIN_MS);
});

socket.on("disconnect", (reason, details) => {
  const closed = details?.context;
  say("disconnect", { reason, code: closed?.code ?? null, words: closed?.reason?.toString() ?? null });
  if (reconnect && !socket.active) setTimeout(() => socket.connect(), AGAIN_MS);
});

socket.on("events", (batch) => {
  cursor = batch.cursor;
  say("events", { cursor, ids: batch.events.map((event) => event.id), events: batch.events });
});

socket.on("reset", (body) => {
  cursor = body.cursor;
  say("reset", { cursor, reason: body.reason });
});

socket.on("amended", (body) => say("amended", { ids: body.events.map((event) => event.id), events: body.events }));

socket.on("stats", (stats) => say("stats", { stats }));

socket.onAny((name, ...values) => {
  if (!["events", "reset", "amended", "stats"].includes(name)) say("other", { name, values });
});

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const command = JSON.parse(line);
  const wire = socket.io.engine.transport.ws; // of the package ws, as in every client outside a browser
  if (command.cut) wire.terminate();
  if (command.emit) socket.emit(...command.emit);
  if (command.deaf) {
    wire.pause();
    say("deaf", { seconds: command.deaf });
    setTimeout(() => {
      say("hears");
      wire.resume();
    }, 1000 * command.deaf);
  }
});
lines.on("close", () => {
  socket.disconnect();
  process.exit(0);
});
