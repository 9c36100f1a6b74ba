import { Readable } from "node:stream";
import type { FastifyRequest } from "fastify";
import { expect, test } from "vitest";
import { settled } from "../../../test/support/fakes.ts";
import { ManualClock } from "../../../test/support/manual-clock.ts";
import { LOOP_TURNS_WAITING_MAX } from "../../runtime/limits.ts";
import { LoopTurns } from "../../runtime/loop-turns.ts";
import { TURN_BYTES_MIN } from "../../runtime/limits.ts";
import { takeBody } from "./take-body.ts";

function world() {
  const clock = new ManualClock();
  const turns = new LoopTurns(clock);
  const deps = { turns, limits: { slow: async <R>(refusal: R) => refusal } };
  return { clock, turns, take: (request: FastifyRequest) => takeBody(deps, "t", request) };
}

function requestOf(
  text: string,
  headers: Readonly<Record<string, string>>,
): { request: FastifyRequest; raw: Readable } {
  const raw = Readable.from([Buffer.from(text)]);
  const request = { raw, headers: { "content-type": "application/json", ...headers } };
  return { request: request as unknown as FastifyRequest, raw };
}

test("a small body waits for nobody", async () => {
  const { take } = world();
  const { request } = requestOf('{"a":1}', { "content-length": "7" });
  expect(await take(request)).toMatchObject({ kind: "json", value: { a: 1 } });
});

test.each([
  ["a large body", { "content-length": String(TURN_BYTES_MIN) }],
  ["a body that does not say its length", { "transfer-encoding": "chunked" }],
])("%s is not read before its turn, and not parsed before the next one", async (_, headers) => {
  const { clock, take } = world();
  const { request, raw } = requestOf(`[${"1,".repeat(TURN_BYTES_MIN / 2)}1]`, headers);
  let isTaken = false;
  const taken = take(request).finally(() => (isTaken = true));
  await settled();
  expect(raw.readableDidRead).toBe(false);
  clock.advance(0);
  await new Promise((resolve) => setImmediate(resolve));
  expect(raw.readableEnded).toBe(true);
  expect(isTaken).toBe(false);
  clock.advance(0);
  expect(await taken).toMatchObject({ kind: "json" });
});

test("a large body is refused, unread, while too many of its tenant wait (R9)", async () => {
  const { turns, take } = world();
  for (let nth = 0; nth < LOOP_TURNS_WAITING_MAX; nth += 1) void turns.take("t");
  const { request, raw } = requestOf("1", { "content-length": String(TURN_BYTES_MIN) });
  expect(await take(request)).toMatchObject({ kind: "refused", code: "too_many_requests", retryAfterMs: 0 });
  expect(raw.readableDidRead).toBe(false);
});
