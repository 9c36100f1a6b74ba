import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { JSON_PARTS_MAX, METADATA_BYTES_MAX, type Problem } from "@hsafa/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ApiGateway, MISSING_ID, startApiGateway } from "../../support/api-gateway.ts";
import { expectProblem } from "../../support/expect-problem.ts";
import type { Answer } from "../../support/test-gateway.ts";

interface OpenApiPaths {
  readonly paths: Readonly<
    Record<string, { readonly get?: { readonly parameters?: readonly { readonly name: string }[] } }>
  >;
}

let gateway: ApiGateway;
beforeAll(async () => {
  gateway = await startApiGateway();
});
afterAll(() => gateway.close());

function post(body: string, headers: Record<string, string> = {}): Promise<Answer> {
  return gateway.call("POST", "/api/runs", body, { headers });
}

test("malformed JSON, bytes that are no UTF-8 and other media types are refused", async () => {
  expectProblem(await post("{"), 400, "malformed_json");
  expectProblem(await post("{'a': 1}"), 400, "malformed_json");
  expectProblem(
    await post("a=1", { "content-type": "application/x-www-form-urlencoded" }),
    415,
    "unsupported_media_type",
  );
  expectProblem(await post("{}", { "content-type": "nonsense" }), 415, "unsupported_media_type");
  expectProblem(await post("{}", { "content-encoding": "gzip" }), 415, "unsupported_media_type");
  const send = (body: Uint8Array<ArrayBuffer>, type: Record<string, string>): Promise<Response> => {
    const headers = { authorization: `Bearer ${gateway.apiKey}`, ...type };
    return fetch(`${gateway.url}/api/runs`, { method: "POST", headers, body });
  };
  const json = { "content-type": "application/json" };
  expect((await send(new Uint8Array([0x22, 0xff, 0x22]), json)).status).toBe(400);
  expect((await send(new TextEncoder().encode("{}"), {})).status).toBe(415);
});

test("unknown fields and wrong types are reported with their paths", async () => {
  const problem = expectProblem(
    await gateway.call("POST", "/api/runs", {
      agent: "echo",
      input: [{ role: "user", content: 7 }],
      agnet: 1,
      deviceKey: 1,
    }),
    400,
    "invalid_request",
  );
  const paths = problem.errors?.map(({ path }) => path);
  expect(paths).toEqual(expect.arrayContaining(["agnet", "input.0.content", "deviceKey"]));
  const query = expectProblem(await gateway.call("GET", "/api/runs?limit=201&stauts=queued"), 400, "invalid_request");
  expect(query.errors?.map(({ path }) => path)).toEqual(expect.arrayContaining(["limit", "stauts"]));
  expectProblem(await gateway.call("GET", "/api/runs?limit=1&limit=2"), 400, "invalid_request");
  expectProblem(await gateway.call("POST", "/api/runs", "null"), 400, "invalid_request");
  expectProblem(await gateway.call("POST", "/api/runs"), 400, "invalid_request");
});

test("a cursor that a list never gave is 400 at every list, and one that it gave leads on", async () => {
  const { runId } = await gateway.startWaitingRun();
  await gateway.startWaitingRun();
  const { body: thread } = await gateway.call<{ id: string }>("POST", "/api/threads", {});
  const document = await gateway.call<OpenApiPaths>("GET", "/openapi.json");
  const lists = Object.entries(document.body.paths)
    .filter(([, { get }]) => {
      const names = get?.parameters?.map(({ name }) => name) ?? [];
      // The cursor of a run's events is a position.
      return names.includes("cursor") && !names.includes("after");
    })
    .map(([path]) =>
      path.replace(/\{idOrName\}/, "echo").replace("{id}", path.includes("threads") ? thread.id : runId),
    );
  expect(lists.length).toBeGreaterThanOrEqual(7);
  const { body: page } = await gateway.call<{ nextCursor: string }>("GET", "/api/runs?limit=1");
  const given = page.nextCursor;
  expect((await gateway.call("GET", `/api/runs?limit=1&cursor=${given}`)).status).toBe(200);
  const wrong = ["x", "", Buffer.from(runId).toString("base64url"), given.slice(1), given, `${given}A`];
  for (const path of lists) {
    for (const cursor of wrong) {
      if (path === "/api/runs" && cursor === given) continue;
      const answer = await gateway.call("GET", `${path}?cursor=${encodeURIComponent(cursor)}`);
      const problem = expectProblem(answer, 400, "invalid_request");
      expect(problem.errors?.map((error) => error.path)).toEqual(["cursor"]);
    }
  }
  const beyond = await gateway.call("GET", `/api/runs/${runId}/events?cursor=99999-0`);
  expectProblem(beyond, 400, "invalid_position");
});

test("JSON nested 100,000 deep, the name __proto__ and half a surrogate pair are refused (R9)", async () => {
  const deep = `{"agent":"echo","input":"x","metadata":{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}}`;
  expectProblem(await post(deep), 400, "invalid_request");
  const objects = `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`;
  expectProblem(await post(objects), 400, "invalid_request");
  const proto = '{"agent":"echo","input":"x","metadata":{"__proto__":{"admin":true}}}';
  expect(expectProblem(await post(proto), 400, "invalid_request").errors).toMatchObject([
    { path: "metadata.__proto__" },
  ]);
  expect(expectProblem(await post('{"agent":"echo","input":"\\ud800"}'), 400, "invalid_request").errors).toMatchObject([
    { path: "input" },
  ]);
  const { runId } = await gateway.startRun({
    agent: "echo",
    input: "a \u0000 b",
    metadata: { constructor: { prototype: 1 }, nul: "\u0000" },
  });
  expect(await gateway.waitForEnd(runId)).toMatchObject({ output: "a \u0000 b", metadata: { nul: "\u0000" } });
});

test("a body of very many values is refused with the reason, and one of a megabyte of words is taken (R9)", async () => {
  const many = JSON.stringify({
    agent: "echo",
    input: "x",
    metadata: { a: Array.from({ length: 300_000 }, () => []) },
  });
  const { errors } = expectProblem(await post(many), 400, "invalid_request");
  expect(errors).toEqual([
    { path: "", message: expect.stringContaining(`more than ${JSON_PARTS_MAX} values`) as string },
  ]);
  const long = JSON.stringify({ agent: "echo", input: "x".repeat(900_000) });
  expect((await post(long)).status).toBe(202);
});

test.each(["/api/runs", "/api/threads"])(
  "metadata of more than 64 KiB is refused at %s, and counts by its bytes (R9)",
  async (path) => {
    const fields = path === "/api/runs" ? { agent: "echo", input: "x" } : {};
    const rest = JSON.stringify({ text: "" }).length;
    const make = (text: string) => gateway.call("POST", path, { ...fields, metadata: { text } });
    const half = "ü".repeat((METADATA_BYTES_MAX - rest) / 2);
    expect((await make(half)).status).toBeLessThan(300);
    const { errors } = expectProblem(await make(`${half}xx`), 400, "invalid_request");
    expect(errors).toEqual([
      { path: "metadata", message: expect.stringContaining(`at most ${METADATA_BYTES_MAX} bytes`) as string },
    ]);
  },
);

test("a body of 10 MB gets its refusal, with and without a content-length (R9)", async () => {
  const body = JSON.stringify({ agent: "echo", input: "x".repeat(10 * 1024 * 1024) });
  expectProblem(await post(body), 413, "payload_too_large");
  const chunked = await sendChunked(body);
  expect(chunked).toMatchObject({ status: 413, problem: { code: "payload_too_large" } });
  const stranger = await gateway.call("POST", "/api/runs", body, { credential: null });
  expectProblem(stranger, 401, "unauthenticated");
});

/** Sends a body without a content-length, which `fetch` can only do for streams. */
function sendChunked(body: string): Promise<{ status: number | undefined; problem: Problem }> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${gateway.apiKey}`,
      "content-type": "application/json",
      "transfer-encoding": "chunked",
    };
    const request = httpRequest(`${gateway.url}/api/runs`, { method: "POST", headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode, problem: JSON.parse(Buffer.concat(chunks).toString()) as Problem }),
      );
    });
    request.on("error", reject);
    request.end(body);
  });
}

test("unknown paths and methods are refused by name, and HEAD and OPTIONS work", async () => {
  expectProblem(await gateway.call("GET", "/api/nothing"), 404, "not_found");
  expectProblem(await gateway.call("GET", "/api/runs/%zz"), 404, "not_found");
  expectProblem(await gateway.call("GET", `/api/agents/${"n".repeat(5000)}`), 404, "not_found");
  const put = await gateway.call("PUT", "/api/runs", {});
  expectProblem(put, 405, "method_not_allowed");
  expect(put.headers.get("allow")).toBe("POST, GET, HEAD, OPTIONS");
  expectProblem(await gateway.call("DELETE", `/api/runs/${MISSING_ID}/stream`), 405, "method_not_allowed");
  const head = await gateway.call("HEAD", "/api/runs");
  expect(head).toMatchObject({ status: 200, body: null });
  const options = await gateway.call("OPTIONS", "/api/runs", undefined, { credential: null });
  expect(options.status).toBe(204);
  expect(options.headers.get("allow")).toBe("POST, GET, HEAD, OPTIONS");
});

test("bytes that are no HTTP get a 400, and the server goes on serving", async () => {
  const { port } = new URL(gateway.url);
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(port), "127.0.0.1", () => socket.write("\u0016\u0003\u0001garbage\r\n\r\n"));
    let text = "";
    socket.on("data", (chunk) => (text += chunk.toString()));
    socket.on("end", () => resolve(text));
    socket.on("error", reject);
  });
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(answer).toContain("application/problem+json");
  const long = await gateway.call("GET", `/api/runs?agent=${"n".repeat(20_000)}`);
  expect(long).toMatchObject({ status: 431, body: { status: 431, code: "invalid_request" } });
  expect((await gateway.call("GET", "/health")).status).toBe(200);
});

test("health, readiness, metrics and the pages need no credential", async () => {
  const open = { credential: null };
  expect((await gateway.call("GET", "/health", undefined, open)).body).toEqual({ status: "ok" });
  expect((await gateway.call("GET", "/ready", undefined, open)).body).toEqual({ status: "ready" });
  const metrics = await gateway.call<string>("GET", "/metrics", undefined, open);
  expect(metrics.body).toMatch(/^hsafa_http_requests_total\{method="GET",route="\/health",status="200"\} \d+$/m);
  expect(metrics.body).toMatch(/^hsafa_watchers \d+$/m);
  expect(metrics.body).toMatch(/^hsafa_devices \d+$/m);
  expect(metrics.body).not.toContain(MISSING_ID);
  for (const path of ["/", "/docs"]) {
    const page = await gateway.call<string>("GET", path, undefined, open);
    expect(page.headers.get("content-type")).toContain("text/html");
    // The console has scripts of its own, and nothing within the page.
    expect(page.body).not.toMatch(/<script(?! type="module" (?:async )?crossorigin src="\/assets\/)|https?:\/\//);
  }
});

test("OpenAPI lists every call with its parameters and responses, and its references resolve", async () => {
  const { body } = await gateway.call<OpenApi>("GET", "/openapi.json", undefined, { credential: null });
  expect(body.openapi).toBe("3.1.0");
  const listed = Object.entries(body.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(listed.toSorted()).toEqual(
    [
      "GET /api/session",
      "POST /api/session",
      "POST /api/session/local",
      "DELETE /api/session",
      "POST /api/tokens",
      "POST /api/tokens/revoke",
      "POST /api/tokens/cookie",
      "POST /api/keys",
      "GET /api/keys",
      "POST /api/keys/{id}/rotate",
      "DELETE /api/keys/{id}",
      "POST /api/tenants",
      "GET /api/tenants",
      "GET /api/tenants/{idOrName}",
      "POST /api/tenants/{idOrName}/keys",
      "POST /api/tenants/{idOrName}/disable",
      "POST /api/tenants/{idOrName}/enable",
      "POST /api/agents",
      "GET /api/agents",
      "GET /api/agents/{idOrName}",
      "GET /api/agents/{idOrName}/versions",
      "GET /api/agents/{idOrName}/versions/{versionId}",
      "POST /api/agents/{idOrName}/promote",
      "POST /api/runs",
      "GET /api/runs",
      "GET /api/runs/{id}",
      "POST /api/runs/{id}/fork",
      "GET /api/runs/{id}/stream",
      "GET /api/runs/{id}/events",
      "GET /api/runs/{id}/tool-calls",
      "GET /api/tool-calls",
      "POST /api/runs/{id}/tool-results",
      "POST /api/runs/{id}/messages",
      "POST /api/runs/{id}/approvals",
      "POST /api/runs/{id}/cancel",
      "POST /api/threads",
      "GET /api/threads",
      "GET /api/threads/{id}",
      "GET /api/threads/{id}/messages",
      "PUT /api/threads/{id}/title",
      "DELETE /api/threads/{id}",
      "POST /api/files",
      "GET /api/files",
      "GET /api/files/{id}",
      "GET /api/fleet",
      "DELETE /api/files/{id}",
      "GET /api/devices",
      "GET /api/devices/{id}",
      "GET /api/quotas",
      "PUT /api/quotas",
      "GET /api/audit",
      "DELETE /api/devices/{id}",
      "POST /api/devices/pairings",
      "PUT /api/secrets/{name}",
      "GET /api/secrets",
      "DELETE /api/secrets/{name}",
      "GET /health",
      "GET /ready",
      "GET /metrics",
      "GET /openapi.json",
      "GET /docs",
      "GET /",
    ].toSorted(),
  );
  const operations = Object.entries(body.paths).flatMap(([path, item]) =>
    Object.values(item).map((operation) => ({ path, ...operation })),
  );
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
  for (const { path, parameters, responses } of operations) {
    const inPath = parameters.filter((parameter) => parameter.in === "path").map(({ name }) => `{${name}}`);
    expect([...path.matchAll(/\{\w+\}/g)].map(([name]) => name)).toEqual(inPath);
    expect(Object.keys(responses)).toContain("default");
  }
  for (const [, pointer] of JSON.stringify(body).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
    const found = (pointer ?? "")
      .split("/")
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], body);
    expect({ pointer, isFound: found !== undefined }).toEqual({ pointer, isFound: true });
  }
});

interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          {
            readonly operationId: string;
            readonly parameters: readonly { readonly in: string; readonly name: string }[];
            readonly responses: object;
          }
        >
      >
    >
  >;
}
