import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newApiKey } from "../../../src/access/api-key.ts";
import { ALLOWED_ORIGIN, type ApiGateway, MISSING_ID, startApiGateway } from "../../support/api-gateway.ts";
import { expectProblem } from "../../support/expect-problem.ts";
import type { Answer } from "../../support/test-gateway.ts";

let gateway: ApiGateway;
beforeAll(async () => {
  gateway = await startApiGateway();
});
afterAll(() => gateway.close());

test("a request without a valid credential is refused", async () => {
  const none = await gateway.call("GET", "/api/runs", undefined, { credential: null });
  expectProblem(none, 401, "unauthenticated");
  expect(none.headers.get("www-authenticate")).toMatch(/^Bearer/);
  for (const credential of ["hsafa_unknown", "a.b.c", newApiKey(), "x".repeat(9000)]) {
    expectProblem(await gateway.call("GET", "/api/runs", undefined, { credential }), 401, "unauthenticated");
  }
});

test("a token for one run with one scope can do nothing else", async () => {
  const { runId } = await gateway.startRun({ agent: "echo", input: "mine" });
  const other = await gateway.startRun({ agent: "echo", input: "other" });
  await gateway.waitForEnd(runId);
  const credential = await gateway.createToken({ scopes: ["runs:read"], runId });
  expect((await gateway.call("GET", `/api/runs/${runId}`, undefined, { credential })).status).toBe(200);
  expect((await gateway.call("GET", `/api/runs/${runId}/stream`, undefined, { credential })).status).toBe(200);
  for (const path of ["", "/events", "/stream", "/tool-calls"]) {
    expectProblem(
      await gateway.call("GET", `/api/runs/${other.runId}${path}`, undefined, { credential }),
      404,
      "not_found",
    );
  }
  expectProblem(await gateway.call("POST", `/api/runs/${runId}/cancel`, {}, { credential }), 403, "forbidden");
  for (const path of ["/api/runs", "/api/agents", "/api/devices", "/api/tool-calls"]) {
    expectProblem(await gateway.call("GET", path, undefined, { credential }), 403, "forbidden");
  }
  expectProblem(await gateway.call("POST", "/api/tokens", { scopes: ["runs:read"] }, { credential }), 403, "forbidden");
  expectProblem(
    await gateway.call("POST", "/api/tokens", { scopes: ["runs:read"], runId: MISSING_ID }),
    404,
    "not_found",
  );
  await gateway.waitForEnd(other.runId);
});

test("the cookie reads runs and can do nothing else", async () => {
  const { runId } = await gateway.startRun({ agent: "echo", input: "cookie" });
  await gateway.waitForEnd(runId);
  const credential = await gateway.createToken({ scopes: ["runs:read", "runs:write"], expiresInSeconds: 60 });
  const set = await gateway.call("POST", "/api/tokens/cookie", undefined, { credential });
  expect(set.status).toBe(204);
  const setCookie = set.headers.get("set-cookie") ?? "";
  expect(setCookie).toMatch(/^hsafa_token=[^;]+; Path=\/api; Max-Age=(60|59|58); HttpOnly; SameSite=Strict$/);
  const cookie = setCookie.split(";", 1)[0] ?? "";
  const by = (method: string, path: string, headers: Record<string, string> = {}): Promise<Answer> =>
    gateway.call(method, path, method === "POST" ? {} : undefined, {
      credential: null,
      headers: { cookie, ...headers },
    });
  expect((await by("GET", `/api/runs/${runId}/stream`)).status).toBe(200);
  expect((await by("GET", `/api/runs/${runId}/events`, { origin: ALLOWED_ORIGIN })).status).toBe(200);
  expect((await by("GET", `/api/runs/${runId}`, { origin: gateway.url })).status).toBe(200);
  expectProblem(await by("GET", `/api/runs/${runId}`, { origin: "https://evil.example" }), 401, "unauthenticated");
  expectProblem(await by("POST", `/api/runs/${runId}/cancel`), 401, "unauthenticated");
  expectProblem(await by("POST", "/api/tokens"), 401, "unauthenticated");
  expectProblem(await gateway.call("POST", "/api/tokens/cookie"), 403, "forbidden");
  const foreignPage = { credential, headers: { origin: "https://evil.example" } };
  expectProblem(await gateway.call("POST", "/api/tokens/cookie", undefined, foreignPage), 403, "forbidden");
});

test("a page of an allowed origin may read, and one of any other may not", async () => {
  const preflight = await gateway.call("OPTIONS", "/api/runs", undefined, {
    credential: null,
    headers: {
      origin: ALLOWED_ORIGIN,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization",
    },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get("access-control-allow-origin")).toBe(ALLOWED_ORIGIN);
  expect(preflight.headers.get("access-control-allow-methods")).toContain("POST");
  expect(preflight.headers.get("access-control-allow-headers")).toBe(
    "Authorization, Content-Type, Last-Event-ID, Idempotency-Key",
  );
  for (const [origin, allowed] of [
    [ALLOWED_ORIGIN, ALLOWED_ORIGIN],
    ["https://evil.example", null],
    ["null", null],
  ] as const) {
    const answer = await gateway.call("GET", "/api/runs", undefined, { headers: { origin } });
    expect(answer.headers.get("access-control-allow-origin")).toBe(allowed);
    expect(answer.headers.get("vary")).toContain("Origin");
  }
  const { runId } = await gateway.startRun({ agent: "echo", input: "cors" });
  const stream = await gateway.call("GET", `/api/runs/${runId}/stream`, undefined, {
    headers: { origin: ALLOWED_ORIGIN },
  });
  expect(stream.headers.get("access-control-allow-origin")).toBe(ALLOWED_ORIGIN);
  const refused = await gateway.call("GET", `/api/runs/${MISSING_ID}`, undefined, {
    headers: { origin: ALLOWED_ORIGIN },
  });
  expect(refused.headers.get("access-control-allow-origin")).toBe(ALLOWED_ORIGIN);
});

test("a WebSocket opens at its paths only, and from allowed origins only", async () => {
  const statusOf = (path: string, origin?: string, upgrade = "websocket"): Promise<number> =>
    new Promise((resolve, reject) => {
      const request = httpRequest(gateway.url + path, {
        headers: {
          connection: "Upgrade",
          upgrade,
          "sec-websocket-version": "13",
          "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
          ...(origin === undefined ? {} : { origin }),
        },
      });
      request.on("response", (response) => resolve(response.resume().statusCode ?? 0));
      request.on("upgrade", (response, socket) => {
        socket.destroy();
        resolve(response.statusCode ?? 0);
      });
      request.on("error", reject);
      request.end();
    });
  expect(await statusOf("/devices/connect")).toBe(101);
  expect(await statusOf("/api/watch", gateway.url)).toBe(101);
  expect(await statusOf("/api/watch", ALLOWED_ORIGIN)).toBe(101);
  expect(await statusOf("/api/watch", "https://evil.example")).toBe(403);
  expect(await statusOf("/devices/connect", "https://evil.example")).toBe(403);
  expect(await statusOf("/api/runs")).toBe(404);
  expect(await statusOf("/health", undefined, "h2c")).toBe(200);
});
