import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TOKEN_LIFETIME_S_MAX } from "@hsafa/protocol";
import {
  CUT_ADDRESS_PACE_MS,
  KEEP_ALIVE_TIMEOUT_MS,
  PATH_PARAMETER_CHARACTERS_MAX,
  REQUEST_HEAD_TIMEOUT_MS,
  REQUEST_TIMEOUT_CHECK_MS,
  REQUEST_TIMEOUT_MS,
  REQUESTS_WAITING_PER_CONNECTION_MAX,
  SOCKET_CLOSE_TIMEOUT_MS,
} from "../../../src/edge/limits.ts";
import { openRawHttp, type RawHttp } from "../../support/raw-http.ts";
import { startTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { until } from "../../support/until.ts";

let gateway: TestGateway;
const opened: RawHttp[] = [];
beforeAll(async () => {
  gateway = await startTestGateway();
  await gateway.pushAgent({ name: "echo", model: "demo/echo" });
});
afterAll(async () => {
  for (const { socket } of opened) socket.destroy();
  await gateway.close();
});

async function connect(): Promise<RawHttp> {
  const connection = await openRawHttp(gateway.url);
  opened.push(connection);
  return connection;
}

const get = (path: string, more = ""): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
const statuses = (text: string): string[] => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, code]) => code ?? "");

describe("a client that sends ahead", () => {
  test("is served in order, whatever each request takes", async () => {
    const authorization = `Authorization: Bearer ${gateway.apiKey}\r\n`;
    const body = JSON.stringify({ agent: "echo", input: "hello" });
    const post = `POST /api/runs HTTP/1.1\r\nHost: localhost\r\n${authorization}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const { socket, received } = await connect();
    const round = [post, get("/health"), get("/nothing"), get("/api/runs?limit=1", authorization), get("/api/runs")];
    socket.write(round.join("").repeat(8));
    await until("all are answered", () => statuses(received()).length === 40);
    expect(statuses(received())).toEqual(Array.from({ length: 8 }, () => ["202", "200", "404", "200", "401"]).flat());
  });

  test("gets everything that may wait, and is cut beyond (R9)", async () => {
    const within = await connect();
    within.socket.write(get("/health").repeat(REQUESTS_WAITING_PER_CONNECTION_MAX));
    await until("all are answered", () => statuses(within.received()).length === REQUESTS_WAITING_PER_CONNECTION_MAX);
    const beyond = await connect();
    beyond.socket.write(get("/ready").repeat(REQUESTS_WAITING_PER_CONNECTION_MAX * 20));
    await until("it is cut", beyond.isClosed);
    expect((await gateway.call("GET", "/health")).status).toBe(200);
  });

  test("and comes back at once after the cut is read at a pace, and is answered then", async () => {
    const flood = get("/health").repeat(REQUESTS_WAITING_PER_CONNECTION_MAX * 10);
    const first = await connect();
    first.socket.write(flood);
    await until("it is cut", first.isClosed);
    const began = performance.now();
    const ROUNDS = 5;
    for (let nth = 0; nth < ROUNDS; nth++) {
      const again = await connect();
      again.socket.write(flood);
      await until("it is cut again", again.isClosed);
    }
    expect(performance.now() - began).toBeGreaterThan((ROUNDS - 1) * CUT_ADDRESS_PACE_MS);
    const patient = await connect();
    patient.socket.write(get("/health"));
    await until("it is answered", () => statuses(patient.received()).length === 1);
    expect(statuses(patient.received())).toEqual(["200"]);
  });

  test.each(["/openapi.json", "/docs", "/health", "/metrics", "/nothing"])(
    "and reads nothing costs no other client's time, and no memory, at %s",
    async (path) => {
      const before = process.memoryUsage().rss;
      let worstMs = 0;
      for (let nth = 0; nth < 10; nth++) {
        const { socket } = await connect();
        socket.pause();
        for (let sent = 0; sent < 20 && !socket.destroyed; sent++) socket.write(get(path).repeat(500));
        const asked = performance.now();
        expect((await gateway.call("GET", "/health")).status).toBe(200);
        worstMs = Math.max(worstMs, performance.now() - asked);
      }
      // Far above what it takes on a busy machine, and far below the ten seconds that it took.
      expect(worstMs).toBeLessThan(2000);
      // Both sides are in this process, and garbage is collected late. It took 590 MB.
      expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
    },
  );
});

test("what never changes is not sent again to a client that has it", async () => {
  for (const path of ["/openapi.json", "/docs", "/", "/health"]) {
    const first = await gateway.call("GET", path, undefined, { credential: null });
    const etag = first.headers.get("etag") ?? "";
    expect(etag).toMatch(/^"[\w-]{22}"$/);
    const again = await gateway.call("GET", path, undefined, { credential: null, headers: { "if-none-match": etag } });
    expect(again).toMatchObject({ status: 304, body: null });
    const other = { "if-none-match": '"another"' };
    expect((await gateway.call("GET", path, undefined, { credential: null, headers: other })).status).toBe(200);
  }
});

test("a connection is kept, and a parameter of a path is read, for as long as we say and not as the library does (R9)", async () => {
  const answer = await gateway.call("GET", `/api/agents/${"a".repeat(PATH_PARAMETER_CHARACTERS_MAX)}`);
  expect(answer).toMatchObject({ status: 404, body: { code: "not_found" } });
  expect(answer.headers.get("keep-alive")).toBe(`timeout=${KEEP_ALIVE_TIMEOUT_MS / 1000}`);
});

test("a socket whose client answers no close is cut soon (R9)", async () => {
  const { socket, isClosed } = await connect();
  const key = Buffer.from("sixteen bytes ..").toString("base64");
  const handshake = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n`;
  socket.write(get("/api/watch", handshake));
  // A message that is no authentication, masked with zeros. The server closes, and this client never answers.
  socket.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x7b, 0x7d]));
  const began = performance.now();
  await until("it is cut", isClosed, SOCKET_CLOSE_TIMEOUT_MS + 10_000);
  expect(performance.now() - began).toBeGreaterThan(SOCKET_CLOSE_TIMEOUT_MS / 2);
});

test("a token lives no longer than we say (R9)", async () => {
  const body = { scopes: ["runs:read"], expiresInSeconds: TOKEN_LIFETIME_S_MAX + 1 };
  expect((await gateway.call("POST", "/api/tokens", body)).status).toBe(400);
  expect((await gateway.call("POST", "/api/tokens", { ...body, expiresInSeconds: TOKEN_LIFETIME_S_MAX })).status).toBe(
    201,
  );
});

test("heads, bodies and handshakes that trickle are cut when their time is over (R9)", {
  timeout: REQUEST_TIMEOUT_MS + 20_000,
}, async () => {
  const slackMs = 2 * REQUEST_TIMEOUT_CHECK_MS + 2000;
  /** Writes a byte now and then until the connection is closed, and returns how long it was open, in ms. */
  async function trickle(head: string): Promise<number> {
    const { socket, isClosed } = await connect();
    const began = performance.now();
    socket.write(head);
    const timer = setInterval(() => socket.write("x"), 300);
    await until("it is cut", isClosed, REQUEST_TIMEOUT_MS + slackMs);
    clearInterval(timer);
    return performance.now() - began;
  }
  const body = `POST /api/runs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${gateway.apiKey}\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n`;
  const [silent, head, handshake, whole] = await Promise.all([
    trickle(""),
    trickle("GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: "),
    trickle("GET /api/watch HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Slow: "),
    trickle(body),
  ]);
  for (const tookMs of [head, handshake]) expect(tookMs).toBeGreaterThan(REQUEST_HEAD_TIMEOUT_MS - 500);
  for (const tookMs of [silent, head, handshake]) expect(tookMs).toBeLessThan(REQUEST_HEAD_TIMEOUT_MS + slackMs);
  expect(whole).toBeGreaterThan(REQUEST_TIMEOUT_MS - 500);
  expect(whole).toBeLessThan(REQUEST_TIMEOUT_MS + slackMs);
});
