import { expect, onTestFinished, test, vi } from "vitest";
import { type Handler, json, problem, startClient } from "../test/fake-gateway.ts";
import { type Client, createClient } from "./client.ts";

const vanish: Handler = (_request, response) => response.destroy();
const started = json(202, { runId: "run-1", status: "queued", streamUrl: "/api/runs/run-1/stream" });

test("a start whose response was lost is repeated under the same key and body, so that there is one run", async () => {
  const { client, gateway } = await startClient(vanish, problem(503, "unavailable"), started);
  expect(await client.runs.start({ agent: "a", input: "hi" })).toMatchObject({ runId: "run-1" });
  const [first] = gateway.requests;
  expect(first?.headers["idempotency-key"]).toMatch(/^.{16,}$/);
  for (const request of gateway.requests) {
    expect(request).toMatchObject({ method: "POST", url: "/api/runs", body: '{"agent":"a","input":"hi"}' });
    expect(request.headers["idempotency-key"]).toBe(first?.headers["idempotency-key"]);
  }
  expect(gateway.requests).toHaveLength(3);
});

test("a fork whose response was lost is repeated under the same key, so that there is one", async () => {
  const { client, gateway } = await startClient(vanish, started);
  expect(await client.runs.fork("run/0", { position: "7-0", rerun: ["c"] })).toMatchObject({ runId: "run-1" });
  const keys = gateway.requests.map(({ headers }) => headers["idempotency-key"]);
  expect(keys[0]).toMatch(/^.{16,}$/);
  expect(keys).toEqual([keys[0], keys[0]]);
  for (const request of gateway.requests) {
    const body = '{"position":"7-0","rerun":["c"]}';
    expect(request).toMatchObject({ method: "POST", url: "/api/runs/run%2F0/fork", body });
  }
});

test("two starts have two keys, and a given key is kept", async () => {
  const { client, gateway } = await startClient(started);
  await client.runs.start({ agent: "a", input: "hi" });
  await client.runs.start({ agent: "a", input: "hi" });
  await client.runs.start({ agent: "a", input: "hi", idempotencyKey: "order-7" });
  const keys = gateway.requests.map(({ headers }) => headers["idempotency-key"]);
  expect(new Set(keys).size).toBe(3);
  expect(keys[2]).toBe("order-7");
});

test("a message whose response was lost is repeated under the same key, so that it is sent once", async () => {
  const { client, gateway } = await startClient(vanish, json(202, { runId: "run-1", status: "running" }));
  await client.runs.send("run-1", "also");
  await client.runs.send("run-1", "also", { idempotencyKey: "word-7" });
  const keys = gateway.requests.map(({ headers }) => headers["idempotency-key"]);
  expect(keys[0]).toMatch(/^.{16,}$/);
  expect(keys).toEqual([keys[0], keys[0], "word-7"]);
  expect(gateway.requests.map(({ url, body }) => `${url} ${body}`)).toEqual(
    Array.from({ length: 3 }, () => '/api/runs/run-1/messages {"message":"also"}'),
  );
});

test("a refused start is reported at once, with where the fault lies", async () => {
  const errors = [{ path: "input", message: "is required" }];
  const body = { type: "t", title: "t", status: 400, code: "invalid_request", detail: "no input", requestId: "r" };
  const { client, gateway } = await startClient(json(400, { ...body, errors }));
  await expect(client.runs.start({ agent: "a", input: "hi" })).rejects.toMatchObject({
    name: "HsafaError",
    status: 400,
    code: "invalid_request",
    message: "no input",
    problem: { errors },
  });
  expect(gateway.requests).toHaveLength(1);
});

test("a gateway that stays away is reported after a few attempts", async () => {
  const { client, gateway } = await startClient(vanish);
  await expect(client.runs.start({ agent: "a", input: "hi" })).rejects.toMatchObject({
    code: "network_error",
    status: 0,
  });
  expect(gateway.requests).toHaveLength(4);
});

test("a run's id is never taken for a path", async () => {
  const { client, gateway } = await startClient(json(202, {}));
  await client.runs.cancel("../agents", { reason: "enough" });
  expect(gateway.requests[0]).toMatchObject({ url: "/api/runs/..%2Fagents/cancel", body: '{"reason":"enough"}' });
});

test("waiting for a run reads on from where it stands, and returns the run as it ended", async () => {
  const running = json(200, { id: "run-1", status: "running", position: "4-0", completedAt: null });
  const stream: Handler = (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    response.end(`id: 5-0\ndata: ${JSON.stringify({ id: "5-0", type: "run.failed", data: {} })}\n\n`);
  };
  const failed = json(200, {
    id: "run-1",
    status: "failed",
    position: "5-0",
    completedAt: "2026-11-22T00:00:00.000Z",
  });
  const { client, gateway } = await startClient(running, stream, failed);
  expect(await client.runs.wait("run-1")).toMatchObject({ status: "failed" });
  expect(gateway.requests[1]?.headers["last-event-id"]).toBe("4-0");
});

test("a response that is not hsafa's is an error, not a run", async () => {
  const { client } = await startClient((_request, response) => response.writeHead(200).end("<html>hello</html>"));
  await expect(client.runs.get("run-1")).rejects.toMatchObject({ code: "unexpected_response", status: 200 });
});

test("a read, a decision, a cancel and a result are sent again when no answer comes, and what would be made twice is not", async () => {
  const cases = [
    (client: Client) => client.runs.get("r"),
    (client: Client) => client.runs.approve("r", { callId: "c", approved: true }),
    (client: Client) => client.runs.cancel("r"),
    (client: Client) => client.runs.submitToolResult("r", { callId: "c", result: 1 }),
    (client: Client) => client.threads.create({ key: "inbox" }),
  ];
  for (const call of cases) {
    const { client, gateway } = await startClient(
      (_request, response) => response.destroy(),
      problem(503, "unavailable"),
      json(200, { id: "r" }),
    );
    expect(await call(client)).toEqual({ id: "r" });
    expect(new Set(gateway.requests.map(({ method, url, body }) => `${method} ${url} ${body}`)).size).toBe(1);
    expect(gateway.requests).toHaveLength(3);
  }
  const { client, gateway } = await startClient(problem(503, "unavailable"), json(200, {}));
  await expect(client.threads.create({})).rejects.toMatchObject({ code: "unavailable" });
  expect(gateway.requests).toHaveLength(1);
});

test("who waits for a run waits for a gateway that is away, for longer than any other call does", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const run = { id: "r", position: "9-0", completedAt: "2026-11-01T00:00:00.000Z" };
  const fetch = vi.fn<typeof globalThis.fetch>(() => Promise.reject(new TypeError("fetch failed")));
  const client = createClient({ url: "http://g", token: "key", fetch });
  const waiting = client.runs.wait("r");
  await vi.advanceTimersByTimeAsync(120_000);
  expect(fetch.mock.calls.length).toBeGreaterThan(5);
  fetch.mockImplementation(() => Promise.resolve(new Response(JSON.stringify(run))));
  await vi.advanceTimersByTimeAsync(20_000);
  expect(await waiting).toEqual(run);
});
