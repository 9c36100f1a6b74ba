/**
 * Many clients in one process, on bare sockets, so that they cost little beside what is measured. Its parent sends
 * what to do, and is told how many have been admitted. A client whose gateway goes away connects to the next one, after
 * the wait of a device of `@hsafa/client`.
 */
import { randomBytes } from "node:crypto";
import { createConnection } from "node:net";
import { backoffMs } from "../../../packages/client/src/backoff.ts";

/** What a crowd is told to be. */
export interface CrowdPlan {
  readonly kind: "device" | "watcher";
  /** The gateways, in the order in which they are used. */
  readonly ports: readonly number[];
  readonly count: number;
  /** The number of the first of them: no two devices have one key. */
  readonly from: number;
  /** Clients that await their admission at once, at the first connection. */
  readonly width: number;
  /** Each client has one of them in turn. */
  readonly keys: readonly string[];
  /** Of each key: what its watchers follow. */
  readonly runIds: readonly string[];
}

/** What a crowd tells. */
export interface CrowdReport {
  /** How many are admitted now, and how many of them on another gateway than the first. */
  readonly open: number;
  readonly moved: number;
  /** Connections that have ended, and those of them that had not been admitted. */
  readonly closed: number;
  readonly vain: number;
  /** CPU time of this process so far, in ms. */
  readonly cpuMs: number;
}

const TOOLS = ["open_page", "read_screen", "take_photo", "notify"].map((name) => ({
  name,
  description: `What the tool ${name} does, in a sentence or two, as an author would write it for a model.`,
  inputSchema: {
    type: "object",
    properties: { target: { type: "string", description: "Which one" }, count: { type: "integer", minimum: 1 } },
    required: ["target"],
    additionalProperties: false,
  },
}));
const REPORT_EVERY_MS = 20;
const [TEXT, CLOSE, PING, PONG] = [1, 8, 9, 10];

const counts = { open: 0, moved: 0, closed: 0, vain: 0 };
let waiting = 0;
let begun = 0;

function frame(opcode: number, payload: Buffer): Buffer {
  const length = payload.length;
  const head = length < 126 ? Buffer.from([0x80 | opcode, 0x80 | length]) : Buffer.alloc(4);
  if (length >= 126) {
    head.set([0x80 | opcode, 0x80 | 126]);
    head.writeUInt16BE(length, 2);
  }
  // A mask of zeros leaves the payload as it is.
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}

function firstMessages(of: CrowdPlan, nth: number): object[] {
  const key = of.keys[nth % of.keys.length] ?? "";
  const runId = of.runIds[nth % of.keys.length];
  if (of.kind === "watcher")
    return [{ type: "auth", token: key }, ...(runId === undefined ? [] : [{ type: "subscribe", runId }])];
  return [{ type: "device.register", token: key, deviceKey: `device-${nth}`, bootId: `boot ${nth}`, tools: TOOLS }];
}

function connect(of: CrowdPlan, nth: number, portIndex: number, failures: number): void {
  const port = of.ports[portIndex % of.ports.length] ?? 0;
  const socket = createConnection({ port, host: "127.0.0.1", noDelay: true });
  const path = of.kind === "device" ? "/devices/connect" : "/api/watch";
  const movedBy = portIndex % of.ports.length === 0 ? 0 : 1;
  let isAdmitted = false;
  let rest: Buffer = Buffer.alloc(0);
  let isOpen = false;
  const over = (): void => {
    isAdmitted = true;
    counts.open += 1;
    counts.moved += movedBy;
    waiting -= 1;
    next(of);
  };
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  );
  socket.on("data", (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (!isOpen) {
      const end = rest.indexOf("\r\n\r\n");
      if (end < 0) return;
      rest = rest.subarray(end + 4);
      isOpen = true;
      for (const message of firstMessages(of, nth)) socket.write(frame(TEXT, Buffer.from(JSON.stringify(message))));
    }
    for (;;) {
      if (rest.length < 2) return;
      const opcode = (rest[0] ?? 0) & 15;
      const short = (rest[1] ?? 0) & 127;
      const from = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (rest.length < from) return;
      const length = short === 126 ? rest.readUInt16BE(2) : short === 127 ? rest.readUInt32BE(6) : short;
      if (rest.length < from + length) return;
      const payload = rest.subarray(from, from + length);
      rest = rest.subarray(from + length);
      if (opcode === PING) socket.write(frame(PONG, payload));
      if (opcode === CLOSE) socket.end();
      if (
        opcode === TEXT &&
        !isAdmitted &&
        /"type":"(?:device\.registered|subscribed)"/.test(payload.toString("latin1"))
      )
        over();
    }
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    counts.closed += 1;
    if (isAdmitted) {
      counts.open -= 1;
      counts.moved -= movedBy;
      waiting += 1;
    } else counts.vain += 1;
    const nextFailures = isAdmitted ? 0 : failures + 1;
    setTimeout(() => connect(of, nth, portIndex + 1, nextFailures), backoffMs(nextFailures, Math.random()));
  });
}

/** Begins the next clients, as many as may wait at once. */
function next(of: CrowdPlan): void {
  const last = Math.min(of.count, begun + of.width - waiting);
  for (; begun < last; begun += 1) {
    waiting += 1;
    connect(of, of.from + begun, 0, 0);
  }
}

process.on("message", (told: CrowdPlan) => {
  next(told);
});
process.on("disconnect", () => process.exit());
setInterval(() => {
  const { user, system } = process.cpuUsage();
  process.send?.({ ...counts, cpuMs: (user + system) / 1000 } satisfies CrowdReport);
}, REPORT_EVERY_MS);
