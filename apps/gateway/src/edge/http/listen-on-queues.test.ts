import { createServer, get, type Server } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { ACCEPT_QUEUES_MAX } from "../limits.ts";
import { listenOnQueues } from "./listen-on-queues.ts";

const HOST = "127.0.0.1";

async function serve(port = 0, isShared = false): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer((_request, response) => response.end("served"));
  const close = await listenOnQueues(server, { host: HOST, port, isShared }, async (at) => {
    server.listen({ ...at });
    await once(server, "listening");
  });
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await close();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

function ask(port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get({ host: HOST, port, agent: false }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode));
    }).on("error", reject);
  });
}

/** In how many turns of the event loop a server takes connections that wait already. */
async function turnsFor(server: Server, port: number, connections: number): Promise<number> {
  const taken: Socket[] = [];
  server.on("connection", (socket) => taken.push(socket));
  // The kernel completes each within its own call: loopback needs nobody else.
  const sockets = Array.from({ length: connections }, () => connect(port, HOST).on("error", () => {}));
  let turns = 0;
  while (taken.length < connections) {
    await new Promise((resolve) => setImmediate(resolve));
    turns += 1;
  }
  for (const socket of sockets) socket.destroy();
  return turns;
}

test.runIf(process.platform === "linux")(
  "connections that wait are accepted from several queues in one turn",
  async () => {
    const connections = 400;
    const alone = await serve(0, true);
    const queued = await serve();
    const turnsAlone = await turnsFor(alone.server, alone.port, connections);
    const turnsQueued = await turnsFor(queued.server, queued.port, connections);
    expect(turnsAlone).toBeGreaterThanOrEqual(connections);
    // They are spread by chance, and the fullest queue decides.
    expect(turnsQueued).toBeLessThan(connections / (ACCEPT_QUEUES_MAX / 3));
  },
);

test("each connection is served by the one server, from whatever queue it comes", async () => {
  const { port } = await serve();
  expect(new Set(await Promise.all(Array.from({ length: 64 }, () => ask(port))))).toEqual(new Set([200]));
});

test("a port in use is refused, be it shared out or not", async () => {
  const first = await serve();
  await expect(serve(first.port)).rejects.toThrow("EADDRINUSE");
  const other = createTcpServer().listen({ host: HOST, port: 0 });
  await once(other, "listening");
  onTestFinished(() => void other.close());
  await expect(serve((other.address() as AddressInfo).port)).rejects.toThrow("EADDRINUSE");
});

test("a port is free again once the server and its queues are closed", async () => {
  const server = createServer();
  const listen = async (at: object): Promise<void> => {
    server.listen({ ...at });
    await once(server, "listening");
  };
  const close = await listenOnQueues(server, { host: HOST, port: 0, isShared: false }, listen);
  const { port } = server.address() as AddressInfo;
  server.close();
  await close();
  const again = await serve(port);
  expect(again.port).toBe(port);
  expect(await ask(port)).toBe(200);
});
