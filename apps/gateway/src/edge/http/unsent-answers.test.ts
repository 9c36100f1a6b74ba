import { createServer, type Server } from "node:http";
import { afterEach, expect, test } from "vitest";
import { openRawHttp, type RawHttp } from "../../../test/support/raw-http.ts";
import { until } from "../../../test/support/until.ts";
import { UnsentAnswers } from "./unsent-answers.ts";

/** More than the operating system takes for a client that does not read. */
const ANSWER_BYTES = 16 * 1024 * 1024;
const ANSWER = Buffer.alloc(ANSWER_BYTES, "x");

const open: RawHttp[] = [];
let server: Server | null = null;
afterEach(() => {
  for (const { socket } of open.splice(0)) socket.destroy();
  server?.close();
});

/** A server that answers every request with `ANSWER`. The path names who asks. */
async function serve(answers: UnsentAnswers): Promise<string> {
  const listening = createServer((request, response) => {
    answers.add({ response, owner: request.url ?? "", bytes: ANSWER_BYTES });
    response.end(ANSWER);
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const address = listening.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
}

/** Asks, and reads nothing of the answer. */
async function ask(url: string, owner: string): Promise<RawHttp> {
  const connection = await openRawHttp(url);
  open.push(connection);
  connection.socket.pause();
  connection.socket.write(`GET ${owner} HTTP/1.1\r\nHost: x\r\n\r\n`);
  return connection;
}

test("answers that nobody reads are bounded, the oldest are cut, and those of another tenant arrive (R9)", async () => {
  const answers = new UnsentAnswers({ bytesMax: 4 * ANSWER_BYTES });
  const url = await serve(answers);
  const quiet = await ask(url, "/quiet");
  await until("it is answered", () => answers.bytes === ANSWER_BYTES);
  for (let nth = 1; nth <= 10; nth += 1) {
    await ask(url, "/hostile");
    await until("it is answered", () => answers.bytes === Math.min(nth + 1, 4) * ANSWER_BYTES);
  }
  const hostile = open.slice(1);
  for (const { socket } of open) socket.resume();
  await until("the last are read", () => answers.bytes === 0);
  const isWhole = ({ received }: RawHttp): boolean => received().length > ANSWER_BYTES;
  await until("each has all of it or is closed", () => hostile.every((client) => isWhole(client) || client.isClosed()));
  expect(hostile.map(isWhole)).toEqual(hostile.map((_, index) => index >= 7));
  await until("the quiet tenant has all of its answer", () => isWhole(quiet));
});

test("an answer that makes no progress is cut, and one that is read slowly is not (R9)", async () => {
  const stallMs = 300;
  const answers = new UnsentAnswers({ stallMs });
  const url = await serve(answers);
  const slow = await ask(url, "/slow");
  const stalled = await ask(url, "/stalled");
  await until("both are answered", () => answers.bytes === 2 * ANSWER_BYTES);
  const began = performance.now();
  const reading = setInterval(() => {
    slow.socket.resume();
    setTimeout(() => slow.socket.pause(), 1);
  }, stallMs / 10);
  await until("the other one is cut", () => answers.bytes < 2 * ANSWER_BYTES, 10_000);
  expect(slow.isClosed()).toBe(false);
  await until("it is read for longer than a stall", () => performance.now() - began > 3 * stallMs);
  expect(slow.isClosed()).toBe(false);
  clearInterval(reading);
  slow.socket.resume();
  stalled.socket.resume();
  await until("the slow one has all of it", () => slow.received().length > ANSWER_BYTES, 20_000);
  await until("the stalled one is closed", stalled.isClosed);
  expect(stalled.received().length).toBeLessThan(ANSWER_BYTES);
});

test("a connection is kept for its next request once an answer was read", async () => {
  const answers = new UnsentAnswers({ stallMs: 1000 });
  const url = await serve(answers);
  const client = await ask(url, "/a");
  client.socket.resume();
  await until("it is read", () => answers.bytes === 0);
  // Another one that is not read is cut. So as much time has passed as a stall may take.
  await ask(url, "/stalled");
  await until("it is answered", () => answers.bytes === ANSWER_BYTES);
  await until("it is cut", () => answers.bytes === 0);
  client.socket.write("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  await until("the next is read too", () => client.received().length > 2 * ANSWER_BYTES);
});
