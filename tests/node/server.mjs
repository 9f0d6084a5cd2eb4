// The other side of screen.mjs, with npm's own socket.io: it shows that the screen itself works.
//
// It says {"what": "listening", "port"}, then "joined" with the auth of each that comes; the token "wrong" is refused.
// Commands: {"emit": [NAME, …]} to all in /live, {"kick": true} takes them out of it, {"drop": true} cuts their
// connections, {"close": [CODE, WORDS]} closes these.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(new URL("../../.venv/node/", import.meta.url));
const { Server } = require("socket.io");

const say = (what, more = {}) => process.stdout.write(JSON.stringify({ what, ...more }) + "\n");

const http = createServer();
const live = new Server(http, { transports: ["websocket"], serveClient: false }).of("/live");

live.use((socket, next) => {
  if (socket.handshake.auth.token !== "wrong") return next();
  const refusal = new Error("unknown_token");
  refusal.data = { error: "unauthorized" };
  return next(refusal);
});
live.on("connection", (socket) => {
  say("joined", { auth: socket.handshake.auth, origin: socket.handshake.headers.origin ?? null });
  socket.onAny((name, ...values) => say("heard", { name, values }));
});

http.listen(0, "127.0.0.1", () => say("listening", { port: http.address().port }));

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const command = JSON.parse(line);
  if (command.emit) live.emit(...command.emit);
  if (command.kick) live.disconnectSockets();
  for (const { conn } of live.sockets.values()) {
    if (command.drop) conn.transport.socket.terminate();
    if (command.close) conn.transport.socket.close(...command.close);
  }
});
lines.on("close", () => process.exit(0));
