import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { apiKeyHash, newApiKey } from "../../../src/access/api-key.ts";
import { KEY_LOOKUP_RATE } from "../../../src/access/limits.ts";
import { expectProblem } from "../../support/expect-problem.ts";
import { startTestGateway, type TestGateway } from "../../support/test-gateway.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({
    env: {
      HSAFA_KEY_REQUESTS_PER_S: "5",
      HSAFA_TENANT_REQUESTS_PER_S: "1000",
      HSAFA_ADDRESS_REQUESTS_PER_S: "1000",
      HSAFA_TRUST_PROXY: "127.0.0.1",
    },
  });
});
afterAll(() => gateway.close());

async function keyOf(tenantName: string): Promise<string> {
  const key = newApiKey();
  const params = { tenantName, name: "k", keyHash: apiKeyHash(key), scopes: ["admin" as const] };
  await gateway.gateway.store.fleet.ensureApiKey(params);
  return key;
}

test("a key that asks too often is told when to come back, and costs another tenant nothing", async () => {
  const [busy, quiet] = [await keyOf("busy"), await keyOf("quiet")];
  const ask = (credential: string) => gateway.call("GET", "/api/runs", undefined, { credential });
  const answers = await Promise.all(Array.from({ length: 40 }, () => ask(busy)));
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThan(5);
  const [first] = refused;
  if (first === undefined) throw new Error("none was refused");
  expectProblem(first, 429, "too_many_requests");
  expect(Number(first.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  expect((await ask(quiet)).status).toBe(200);
});

test("guesses of one address are slowed, while a known key of that address and another address are served", async () => {
  const key = await keyOf("known");
  const ask = (credential: string, address: string) =>
    gateway.call("GET", "/api/devices", undefined, { credential, headers: { "x-forwarded-for": address } });
  expect((await ask(key, "203.0.113.7")).status).toBe(200);
  const guesses = await Promise.all(
    Array.from({ length: KEY_LOOKUP_RATE.burst + 100 }, () => ask(newApiKey(), "203.0.113.7")),
  );
  const statuses = guesses.map(({ status }) => status);
  expect(new Set(statuses)).toEqual(new Set([401, 429]));
  expect((await ask(key, "203.0.113.7")).status).toBe(200);
  expect((await ask(await keyOf("known"), "203.0.113.8")).status).toBe(200);
});

const WAVES_MAX = 5;

test("guesses over sockets count for their address as well, and a new key of another address is looked up", async () => {
  /** What the socket says to a credential. */
  function ask(credential: string, address: string): Promise<{ type: string; code?: string }> {
    const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/api/watch`, {
      headers: { "x-forwarded-for": address },
    });
    return new Promise((resolve, reject) => {
      socket.on("open", () => socket.send(JSON.stringify({ type: "auth", token: credential })));
      socket.on("error", reject);
      socket.once("message", (data: Buffer) => {
        resolve(JSON.parse(data.toString()) as { type: string });
        socket.terminate();
      });
    });
  }
  const codes = new Set<string | undefined>();
  // At once, and again: the rate allows what a slow machine asks one after another.
  for (let wave = 0; wave < WAVES_MAX && !codes.has("too_many_requests"); wave += 1) {
    const guesses = Array.from({ length: KEY_LOOKUP_RATE.burst + 50 }, () => ask(newApiKey(), "203.0.113.9"));
    for (const { code } of await Promise.all(guesses)) codes.add(code);
  }
  expect(codes).toEqual(new Set(["unauthenticated", "too_many_requests"]));
  expect(await ask(await keyOf("known"), "203.0.113.10")).toMatchObject({ type: "authenticated" });
});
