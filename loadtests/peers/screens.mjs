// The screens as they are usually built: a Socket.IO server of npm, on Node, that emits batches to one room.
//
//   node screens.mjs PORT EVENTS_A_BATCH BATCHES_A_SECOND DOORS
//
// Once a second it emits `stats` of so many doors too, as ours does. `at` of every event of a batch is when the batch was
// due on the monotonic clock, as microseconds since 1970: the screens read the same clock. Socket.IO 4 encodes a
// broadcast once and frames it once for all. Tuned as its documents advise: websocket only, no compression
// (perMessageDeflate off), no client bundle, NODE_ENV=production.
import { createServer } from "node:http";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../.venv/node/", import.meta.url));
const { Server } = require("socket.io");

const [port, size, rate, doors] = process.argv.slice(2).map(Number);
const NAMES = ["Maximilian Schmidt", "Søren Nguyễn", "Aisha Fernández", "Ólafur O'Neill", "Chiara Kowalczyk", "Wei Yılmaz"];
const ROOM = "school";

const http = createServer((request, response) => response.end());
const live = new Server(http, {
  transports: ["websocket"],
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
}).of("/live");

live.on("connection", (socket) => socket.join(ROOM));

const uuid = (kind, number) => `${kind}-0000-7000-8000-${number.toString(16).padStart(12, "0")}`;
const moment = (micros) => {
  const second = new Date(Math.floor(micros / 1e6) * 1000).toISOString().slice(0, 20);
  return `${second}${String(micros % 1e6).padStart(6, "0")}Z`;
};

let number = 0;
const event = (at) => {
  number += 1;
  return {
    id: uuid("00000004", number),
    at,
    decision: "granted",
    reason: null,
    accessPoint: { id: uuid("00000003", number % 128), name: `Door ${number % 128}` },
    student: { id: uuid("00000001", number % 10_000), name: NAMES[number % NAMES.length], photoUrl: null },
    pass: {
      id: uuid("00000002", number % 10_000),
      passNumber: `BENCH-${String(number % 10_000).padStart(7, "0")}`,
      expiryDate: "2099-12-31",
    },
    direction: "entry",
    stale: false,
    offline: false,
  };
};

const emit = (due) => {
  if (live.sockets.size === 0) return;
  const at = moment(Math.floor(due * 1000));
  const cursor = Buffer.alloc(64, number % 256).toString("base64url");
  live.to(ROOM).emit("events", { cursor, events: Array.from({ length: size }, () => event(at)) });
};

const tell = () => {
  if (live.sockets.size === 0) return;
  const at = new Date().toISOString();
  const door = (_, n) => ({
    id: uuid("00000003", n),
    name: `Door ${n}`,
    perMinute: number % 1000,
    granted: number,
    denied: 0,
    reader: "offline",
    since: null,
    lastScanAt: at,
  });
  const feed = { ageSeconds: 0.1, stale: false };
  const journal = { waiting: 0, oldestSeconds: 0, healthy: true };
  live.to(ROOM).emit("stats", { at, windowSeconds: 60, accessPoints: Array.from({ length: doors }, door), feed, journal });
};

// Batches at their times, in milliseconds of the monotonic clock; one that is late does not move the next.
const clock = () => Number(process.hrtime.bigint() / 1000n) / 1000;
const started = clock();
let batches = 0;
const keepTime = () => {
  const due = started + (1000 * batches) / rate;
  const wait = due - clock();
  if (wait > 0) return setTimeout(keepTime, wait);
  batches += 1;
  emit(due);
  return setImmediate(keepTime);
};

http.listen(port, "127.0.0.1", () => {
  keepTime();
  setInterval(tell, 1000);
});
