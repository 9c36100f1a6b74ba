import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { REQUESTS_WAITING_PER_CONNECTION_MAX } from "../limits.ts";
import { RequestTurns } from "./request-turns.ts";

const REQUEST = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/** A server that begins requests in turn and answers none, and a connection to it. */
async function open() {
  const begun: IncomingMessage[] = [];
  const turns = new RequestTurns(
    (request) => void begun.push(request),
    (socket) => socket.destroy(),
  );
  const taken: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    request.on("error", () => {});
    taken.push(request);
    turns.take(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  client.on("error", () => {});
  const over = new Promise<void>((resolve) => {
    server.once("connection", (socket) => socket.once("close", () => setImmediate(resolve)));
  });
  await once(client, "connect");
  return { client, turns, begun, taken, over };
}

test("what a client sends ahead beyond its bound cuts it, and is neither begun nor kept", async () => {
  const { client, turns, begun, taken, over } = await open();
  client.write(REQUEST.repeat(10 * REQUESTS_WAITING_PER_CONNECTION_MAX));
  await over;
  expect(begun).toHaveLength(1);
  expect(turns.waiting).toBe(0);
  expect(taken.length).toBeGreaterThan(REQUESTS_WAITING_PER_CONNECTION_MAX + 1);
  expect(taken.filter(({ destroyed }) => !destroyed)).toEqual([]);
});

test("requests that waited in vain end without an error, and the one before them with an error without a stack", async () => {
  const { client, begun, taken, over } = await open();
  client.write(REQUEST.repeat(REQUESTS_WAITING_PER_CONNECTION_MAX));
  await expect.poll(() => taken.length).toBe(REQUESTS_WAITING_PER_CONNECTION_MAX);
  client.destroy();
  await over;
  const [first, ...others] = taken.map(({ errored }) => errored);
  expect(begun).toHaveLength(1);
  expect(first?.message).toBe("aborted");
  expect(first?.stack).not.toContain(" at ");
  expect(others.filter((error) => error !== null)).toEqual([]);
  // Errors of others have a stack as ever.
  expect(new Error("later").stack).toContain(" at ");
});
