import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { type RawData, WebSocket } from "ws";
import { recordingLog } from "../../../test/support/recording-log.ts";
import { until } from "../../../test/support/until.ts";
import { systemClock } from "../../adapters/system/system-clock.ts";
import type { Principal } from "../../access/principal.ts";
import { SOCKET_UNKNOWN_PER_ADDRESS_MAX } from "../limits.ts";
import { MessageSocket } from "./message-socket.ts";
import type { SocketProtocol } from "./socket-protocol.ts";
import { createSocketServer } from "./socket-server.ts";
import { LoopTurns } from "../../runtime/loop-turns.ts";
import { asTenantId } from "../../core/tenant-id.ts";

/** A message is the name of the tenant whose key the client has; `nobody` has none. */
const PROTOCOL: SocketProtocol<string, object> = {
  bounds: {
    queue: { messagesMax: 10, bytesMax: 1000 },
    pace: { messages: { perSecond: 100, burst: 100 }, bytes: { perSecond: 1e6, burst: 1e6 } },
    admissionTimeoutMs: 60_000,
    pingEveryMs: 60_000,
    unheardMaxMs: 120_000,
    faultsMax: 1,
    unsentBytesMax: 1000,
    whenUnsent: "close",
  },
  notAdmitted: { reason: "late", closeCode: 4401, detail: "late" },
  read: (text) => ({ kind: "message", message: text }),
  error: (code, message) => ({ error: code, message }),
};

async function startServer(socketsMax: number) {
  const served: { readonly hasEnded: boolean }[] = [];
  const sockets = createSocketServer({
    clients: "devices",
    socketsMax,
    messageBytesMax: 1000,
    addressOf: ({ headers }: IncomingMessage) => String(headers["x-address"]),
    open(transport, takePlace) {
      const socket = new MessageSocket({
        transport,
        protocol: PROTOCOL,
        clock: systemClock,
        log: recordingLog(),
        turns: new LoopTurns(systemClock),
      });
      socket.open({
        async handle(tenantId) {
          if (tenantId === "nobody") return socket.fault("Nobody has a key.");
          const principal: Principal = {
            kind: "api_key",
            keyId: "key-1",
            tenantId: asTenantId(tenantId),
            name: "key",
            scopes: [],
          };
          const noPlace = takePlace(principal);
          if (noPlace !== null) return socket.refuse(noPlace);
          socket.admit(principal);
          socket.send({ welcome: tenantId });
        },
        ended() {},
      });
      served.push(socket);
      return socket;
    },
  });
  const server = createServer();
  server.on("upgrade", (request, socket, head) => sockets.upgrade(request, socket, head));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const clients: WebSocket[] = [];
  onTestFinished(async () => {
    for (const client of clients) client.terminate();
    await sockets.close();
    await new Promise((resolve) => server.close(resolve));
  });
  /** Connects, and says this. Resolves with the first answer: a message, a close code, or the status of a refusal. */
  async function say(text: string, { address = "10.0.0.1", isDeaf = false } = {}) {
    const client = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { "x-address": address } });
    clients.push(client);
    const heard: unknown[] = [];
    client.on("message", (data: RawData) => heard.push(JSON.parse((data as Buffer).toString())));
    client.on("close", (code) => heard.push(code));
    client.on("unexpected-response", (_request, { statusCode }) => heard.push(statusCode));
    client.on("error", () => {});
    await new Promise<void>((resolve) => client.once("open", resolve).once("unexpected-response", () => resolve()));
    if (client.readyState === WebSocket.OPEN) client.send(text);
    if (isDeaf) client.pause();
    else await until("it is answered", () => heard.length > 0);
    return { client, heard };
  }
  return { say, served };
}

test("one tenant cannot take every place, and is told to come back; another finds one, and gone ones are free", async () => {
  const { say } = await startServer(8);
  const hogs = [];
  let refused: unknown;
  while (refused === undefined) {
    const { client, heard } = await say("hog");
    const [first] = heard as { error?: string }[];
    if (first?.error === undefined) hogs.push(client);
    else {
      await until("it is closed", () => heard.length > 1);
      refused = heard;
    }
  }
  expect(refused).toMatchObject([{ error: "too_many_requests" }, 1012]);
  expect(hogs.length).toBeLessThan(7);
  expect((await say("quiet")).heard).toEqual([{ welcome: "quiet" }]);
  for (const client of hogs) client.terminate();
  await until("the places are free", async () => {
    const { heard } = await say("hog");
    return "welcome" in (heard[0] as object);
  });
});

test("clients that are refused again and again, and never close, crowd out their own connections alone", async () => {
  const { say, served } = await startServer(4);
  const quiet = await say("quiet", { address: "10.0.0.2" });
  for (let nth = 0; nth < SOCKET_UNKNOWN_PER_ADDRESS_MAX + 20; nth += 1) await say("nobody", { isDeaf: true });
  await until("they were refused", () => served.slice(1).every(({ hasEnded }) => hasEnded));
  expect((await say("other", { address: "10.0.0.1" })).heard).toEqual([{ welcome: "other" }]);
  expect(quiet.client.readyState).toBe(WebSocket.OPEN);
});
