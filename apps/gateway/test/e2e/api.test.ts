import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import {
  CLOSE_CODES,
  DEVICE_SUBPROTOCOL,
  type Agent,
  type CreatedToken,
  type Device,
  type DeviceDetail,
  type Problem,
  type Run,
  type RunEvent,
  type StartedRun,
  type Thread,
  type ThreadMessage,
  type ToolCall,
} from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { apiKeyHash, newApiKey } from "../../src/access/api-key.ts";
import { type Answer, startTestGateway, type TestGateway } from "../support/test-gateway.ts";

let gateway: TestGateway;
/** A key of another tenant. */
let foreignKey: string;

const ORIGIN = "https://app.example.com";
const MISSING_ID = "01890a5d-ac96-774b-bcce-b302099a8057";

beforeAll(async () => {
  gateway = await startTestGateway({
    env: { HSAFA_ALLOWED_ORIGINS: ORIGIN },
    functions: { add: (args) => (args as { a: number; b: number }).a + (args as { a: number; b: number }).b },
  });
  foreignKey = newApiKey();
  await gateway.gateway.store.fleet.ensureApiKey({
    tenantName: "other",
    name: "other",
    keyHash: apiKeyHash(foreignKey),
    scopes: ["admin"],
  });
  await gateway.pushAgent({ name: "echo", model: "demo/echo" });
  const inputSchema = { type: "object" };
  await gateway.pushAgent({
    name: "external",
    model: "demo/tools",
    tools: [{ name: "ask_person", target: "external", inputSchema }],
  });
  await gateway.pushAgent({
    name: "approved",
    model: "demo/tools",
    tools: [{ name: "ask_person", target: "external", inputSchema, approval: "always" }],
  });
});

afterAll(() => gateway.close());

function expectProblem(answer: Answer, status: number, code: string): Problem {
  const problem = answer.body as Problem;
  expect({ status: answer.status, code: problem.code, detail: problem.detail }).toMatchObject({ status, code });
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(problem).toMatchObject({
    status,
    type: `urn:hsafa:error:${code}`,
    requestId: answer.headers.get("x-request-id"),
  });
  expect(problem.title).not.toBe("");
  expect(problem.detail.length).toBeGreaterThan(10);
  return problem;
}

/** A run of `external` whose call waits for an answer. */
async function waitingRun(agent = "external"): Promise<{ readonly runId: string; readonly callId: string }> {
  const { runId } = await gateway.startRun({ agent, input: "please" });
  await gateway.waitForRun(runId, ({ status }) => status === "waiting_tool");
  const calls = await gateway.call<{ data: ToolCall[] }>("GET", `/api/runs/${runId}/tool-calls`);
  const callId = calls.body.data[0]?.id ?? "";
  return { runId, callId };
}

async function tokenFor(body: Readonly<Record<string, unknown>>): Promise<string> {
  const answer = await gateway.call<CreatedToken>("POST", "/api/tokens", body);
  expect(answer.status).toBe(201);
  return answer.body.token;
}

describe("agents", () => {
  const config = {
    name: "pushed",
    model: "demo/echo",
    tools: [{ name: "t", inputSchema: { type: "object", required: ["a"] } }],
  };

  test("a config pushed again in another key order is the same version", async () => {
    const first = await gateway.call("POST", "/api/agents", { name: "pushed", config });
    expect(first).toMatchObject({ status: 201, body: { created: true, version: "1" } });
    expect(first.body.configHash).toMatch(/^[0-9a-f]{64}$/);
    const { tools, model, name } = config;
    const again = await gateway.call("POST", "/api/agents", { config: { tools, model, name }, name: "pushed" });
    expect(again).toMatchObject({ status: 200, body: { ...first.body, created: false } });
  });

  test("a new version is promoted unless told otherwise, and an old one can be promoted back", async () => {
    const first = await gateway.pushAgent({ name: "versions", model: "demo/echo" });
    const second = await gateway.call("POST", "/api/agents", {
      name: "versions",
      config: { name: "versions", model: "demo/hello" },
      promote: false,
    });
    expect(second.status).toBe(201);
    const found = await gateway.call<Agent>("GET", "/api/agents/versions");
    expect(found.body.currentVersion?.id).toBe(first.versionId);
    const promoted = await gateway.call<Agent>("POST", `/api/agents/${first.agentId}/promote`, {
      versionId: second.body.versionId,
    });
    expect(promoted).toMatchObject({ status: 200, body: { currentVersion: { id: second.body.versionId } } });
    const versions = await gateway.call<{ data: { id: string }[] }>("GET", "/api/agents/versions/versions");
    expect(versions.body.data.map(({ id }) => id)).toEqual([second.body.versionId, first.versionId]);
    const version = await gateway.call("GET", `/api/agents/versions/versions/${first.versionId}`);
    expect(version).toMatchObject({ status: 200, body: { config: { name: "versions", model: "demo/echo" } } });
    expectProblem(
      await gateway.call("POST", "/api/agents/versions/promote", { versionId: MISSING_ID }),
      404,
      "not_found",
    );
  });

  test("a list is told page by page", async () => {
    const names: string[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const page: Answer<{ data: Agent[]; nextCursor: string | null }> = await gateway.call(
        "GET",
        `/api/agents?limit=1${query}`,
      );
      expect(page.body.data.length).toBe(1);
      names.push(...page.body.data.map(({ name }) => name));
      cursor = page.body.nextCursor;
    } while (cursor !== null);
    expect(names).toEqual(expect.arrayContaining(["echo", "external", "approved"]));
    expect(new Set(names).size).toBe(names.length);
  });

  test("every fault of a config is told with its path", async () => {
    const bad = {
      name: "bad",
      model: "acme/one",
      temprature: 1,
      tools: [
        { name: "no good", inputSchema: {} },
        { name: "mcp", inputSchema: {}, server: { type: "mcp" } },
      ],
    };
    const problem = expectProblem(
      await gateway.call("POST", "/api/agents", { name: "bad", config: bad }),
      422,
      "invalid_agent_config",
    );
    const paths = problem.errors?.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        "config.model",
        "config.temprature",
        "config.tools.0.name",
        "config.tools.1.server.type",
      ]),
    );
  });

  test("a tool schema that is no schema, and a name that is not the config's, are refused", async () => {
    const schema = { name: "bad", model: "demo/echo", tools: [{ name: "t", inputSchema: { type: "nonsense" } }] };
    const noSchema = expectProblem(
      await gateway.call("POST", "/api/agents", { name: "bad", config: schema }),
      422,
      "invalid_agent_config",
    );
    expect(noSchema.errors).toMatchObject([{ path: "config.tools.0.inputSchema" }]);
    const other = expectProblem(
      await gateway.call("POST", "/api/agents", { name: "bad", config: { name: "worse", model: "demo/echo" } }),
      422,
      "invalid_agent_config",
    );
    expect(other.errors).toMatchObject([{ path: "config.name" }]);
  });
});

describe("runs", () => {
  test("a run is started, ends, and its log is told in pages as the stream told it", async () => {
    const started = await gateway.call<StartedRun>("POST", "/api/runs", {
      agent: "echo",
      input: "one two three",
      metadata: { a: 1 },
    });
    expect(started).toMatchObject({ status: 202, body: { status: "queued" } });
    const { runId, streamUrl } = started.body;
    expect(streamUrl).toBe(`/api/runs/${runId}/stream`);
    const watched = await gateway.watch(runId);
    const run = await gateway.waitForEnd(runId);
    expect(run).toMatchObject({ status: "completed", output: "one two three", agentName: "echo", metadata: { a: 1 } });
    const events = await gateway.events(runId);
    expect(events).toEqual(watched);
    expect(events.at(-1)?.id).toBe(run.position);
    const facts = await gateway.call<{ data: RunEvent[] }>("GET", `/api/runs/${runId}/events?facts=true`);
    expect(facts.body.data).toEqual(events.filter(({ id }) => id.endsWith("-0")));
    const page = await gateway.call<{ data: RunEvent[]; nextCursor: string }>(
      "GET",
      `/api/runs/${runId}/events?after=1-0&limit=2`,
    );
    expect(page.body.data).toEqual(events.slice(1, 3));
    expect(page.body.nextCursor).toBe(events[2]?.id);
  });

  test("trailing user messages are what is said now, and what stands before them was said earlier", async () => {
    const input = [
      { role: "user", content: "first" },
      { role: "assistant", content: "answer" },
      { role: "user", content: "second" },
      { role: "user", content: [{ type: "text", text: "third" }] },
    ];
    const { runId } = await gateway.startRun({ agent: "echo", input });
    const [created, ...rest] = await gateway.events(runId);
    expect(created).toMatchObject({ id: "1-0", type: "run.created", data: { earlier: input.slice(0, 2) } });
    expect(rest.slice(0, 2)).toMatchObject([
      { id: "2-0", type: "message.user", data: { message: input[2] } },
      { id: "3-0", type: "message.user", data: { message: input[3] } },
    ]);
    await gateway.waitForEnd(runId);
    const silent = [{ role: "assistant", content: "I said" }];
    const problem = expectProblem(
      await gateway.call("POST", "/api/runs", { agent: "echo", input: silent }),
      400,
      "invalid_request",
    );
    expect(problem.errors).toMatchObject([{ path: "input" }]);
  });

  test("the same Idempotency-Key starts one run, and another body with it none", async () => {
    const headers = { "idempotency-key": "order-1" };
    const first = await gateway.call<StartedRun>("POST", "/api/runs", { agent: "echo", input: "once" }, { headers });
    const again = await gateway.call<StartedRun>("POST", "/api/runs", { input: "once", agent: "echo" }, { headers });
    expect(again).toMatchObject({ status: 202, body: { runId: first.body.runId } });
    const other = await gateway.call("POST", "/api/runs", { agent: "echo", input: "twice" }, { headers });
    expectProblem(other, 422, "idempotency_key_reused");
    const long = await gateway.call(
      "POST",
      "/api/runs",
      { agent: "echo", input: "x" },
      { headers: { "idempotency-key": "k".repeat(256) } },
    );
    expectProblem(long, 400, "invalid_request");
    await gateway.waitForEnd(first.body.runId);
  });

  test("runs are listed newest first and by what they are of", async () => {
    const { runId } = await gateway.startRun({ agent: "echo", input: "listed", threadId: "list-thread" });
    await gateway.waitForEnd(runId);
    const of = async (query: string): Promise<string[]> =>
      (await gateway.call<{ data: Run[] }>("GET", `/api/runs?${query}`)).body.data.map(({ id }) => id);
    expect((await of("agent=echo&status=completed"))[0]).toBe(runId);
    expect(await of("threadId=list-thread")).toEqual([runId]);
    expect(await of("agent=external&threadId=list-thread")).toEqual([]);
  });

  test("a tool call is answered once: the same again is a repeat, another answer a conflict", async () => {
    const { runId, callId } = await waitingRun();
    const path = `/api/runs/${runId}/tool-results`;
    expect(await gateway.call("POST", path, { callId, result: { a: 1, b: 2 } })).toMatchObject({
      status: 202,
      body: { callId, duplicate: false },
    });
    expect(await gateway.call("POST", path, { callId, result: { b: 2, a: 1 } })).toMatchObject({
      status: 200,
      body: { callId, duplicate: true },
    });
    expectProblem(await gateway.call("POST", path, { callId, result: { a: 1, b: 3 } }), 409, "result_conflict");
    await gateway.waitForEnd(runId);
    expect((await gateway.call("POST", path, { callId, result: { b: 2, a: 1 } })).status).toBe(200);
    expectProblem(await gateway.call("POST", path, { callId, error: { message: "no" } }), 409, "result_conflict");
    const calls = await gateway.call<{ data: ToolCall[] }>(
      "GET",
      "/api/tool-calls?toolName=ask_person&status=completed",
    );
    expect(calls.body.data.find(({ id }) => id === callId)).toMatchObject({
      runId,
      attempts: 1,
      source: "http",
      result: { a: 1, b: 2 },
    });
  });

  test("a result that is too large, or for no call of this run, is refused and the call stays open", async () => {
    const { runId, callId } = await waitingRun();
    const other = await waitingRun();
    const path = `/api/runs/${runId}/tool-results`;
    expectProblem(await gateway.call("POST", path, { callId, result: "x".repeat(300_000) }), 413, "payload_too_large");
    expectProblem(await gateway.call("POST", path, { callId: other.callId, result: 1 }), 404, "not_found");
    expectProblem(await gateway.call("POST", path, { callId: "call_1", result: 1 }), 404, "not_found");
    expectProblem(
      await gateway.call("POST", path, { callId, result: 1, error: { message: "both" } }),
      400,
      "invalid_request",
    );
    expectProblem(await gateway.call("POST", path, { callId }), 400, "invalid_request");
    expect((await gateway.call("POST", path, { callId, result: null })).status).toBe(202);
    await gateway.waitForEnd(runId);
    await gateway.call("POST", `/api/runs/${other.runId}/cancel`);
    await gateway.waitForEnd(other.runId);
  });

  test("a call that awaits approval is decided once, and only then answered", async () => {
    const { runId, callId } = await waitingRun("approved");
    const results = `/api/runs/${runId}/tool-results`;
    const approvals = `/api/runs/${runId}/approvals`;
    expectProblem(await gateway.call("POST", results, { callId, result: 1 }), 409, "result_conflict");
    expectProblem(await gateway.call("POST", approvals, { callId: MISSING_ID, approved: true }), 404, "not_found");
    expect((await gateway.call("POST", approvals, { callId, approved: false, reason: "not now" })).status).toBe(202);
    await gateway.waitForEnd(runId);
    // Whoever did not hear the answer asks again, and is told what became of it.
    expect((await gateway.call("POST", approvals, { callId, approved: false })).status).toBe(202);
    expectProblem(await gateway.call("POST", approvals, { callId, approved: true }), 409, "call_not_awaiting_approval");
    const facts = await gateway.events(runId);
    expect(facts.find(({ type }) => type === "tool.denied")).toMatchObject({ data: { callId, reason: "not now" } });
  });

  test("a message reaches a run in progress, and an ended run takes nothing", async () => {
    const { runId, callId } = await waitingRun();
    const path = `/api/runs/${runId}/messages`;
    const headers = { "idempotency-key": "m1" };
    expect((await gateway.call("POST", path, { message: { role: "user", content: "also" } }, { headers })).status).toBe(
      202,
    );
    expect((await gateway.call("POST", path, { message: { role: "user", content: "also" } }, { headers })).status).toBe(
      202,
    );
    expectProblem(await gateway.call("POST", path, { message: "other" }, { headers }), 422, "idempotency_key_reused");
    expectProblem(
      await gateway.call("POST", path, { message: { role: "assistant", content: "no" } }),
      400,
      "invalid_request",
    );
    await gateway.call("POST", `/api/runs/${runId}/tool-results`, { callId, result: 1 });
    // The script begins again after a word from the user, so it asks once more.
    await gateway.waitForRun(runId, ({ status, steps }) => status === "waiting_tool" && steps === 2);
    await gateway.call("POST", `/api/runs/${runId}/cancel`);
    await gateway.waitForEnd(runId);
    const said = (await gateway.events(runId)).filter(({ type }) => type === "message.user");
    expect(said.length).toBe(2);
    expectProblem(await gateway.call("POST", path, { message: "late" }), 409, "run_ended");
  });

  test("a cancel without a body ends the run once, and asking again is no fault", async () => {
    const { runId } = await waitingRun();
    const path = `/api/runs/${runId}/cancel`;
    expect((await gateway.call("POST", path)).status).toBe(202);
    const run = await gateway.waitForEnd(runId);
    expect(run.status).toBe("canceled");
    expect(await gateway.call("POST", path, { reason: "late" })).toMatchObject({
      status: 202,
      body: { status: "canceled" },
    });
    const completed = await gateway.startRun({ agent: "echo", input: "x" });
    await gateway.waitForEnd(completed.runId);
    expectProblem(await gateway.call("POST", `/api/runs/${completed.runId}/cancel`), 409, "run_ended");
    const ends = (await gateway.events(runId)).filter(({ type }) => type === "run.canceled");
    expect(ends.length).toBe(1);
  });

  test("a position from the future or that is none is refused", async () => {
    const { runId } = await gateway.startRun({ agent: "echo", input: "x" });
    await gateway.waitForEnd(runId);
    for (const path of ["events", "stream"]) {
      expectProblem(await gateway.call("GET", `/api/runs/${runId}/${path}?after=999-0`), 400, "invalid_position");
      expectProblem(await gateway.call("GET", `/api/runs/${runId}/${path}?after=seven`), 400, "invalid_position");
    }
  });
});

describe("threads", () => {
  test("runs of a thread see each other, and its messages are told in pages", async () => {
    const made = await gateway.call<Thread>("POST", "/api/threads", { key: "chat", metadata: { topic: "x" } });
    expect(made.status).toBe(201);
    expect(await gateway.call<Thread>("POST", "/api/threads", { key: "chat" })).toMatchObject({
      status: 200,
      body: { id: made.body.id },
    });
    for (const input of ["one", "two"]) {
      const { runId } = await gateway.startRun({ agent: "echo", input, threadId: made.body.id });
      await gateway.waitForEnd(runId);
    }
    expect((await gateway.call<Thread>("GET", "/api/threads/chat")).body).toEqual(made.body);
    const whole = await gateway.call<{ data: ThreadMessage[] }>("GET", `/api/threads/${made.body.id}/messages`);
    const texts = whole.body.data.map(({ message }) => message.role);
    expect(texts).toEqual(["user", "assistant", "user", "assistant"]);
    const paged: ThreadMessage[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const page: Answer<{ data: ThreadMessage[]; nextCursor: string | null }> = await gateway.call(
        "GET",
        `/api/threads/chat/messages?limit=3${query}`,
      );
      paged.push(...page.body.data);
      cursor = page.body.nextCursor;
    } while (cursor !== null);
    expect(paged).toEqual(whole.body.data);
  });
});

describe("devices", () => {
  test("a device is told of with its session, and one that is forgotten is closed", async () => {
    const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/devices/connect`, DEVICE_SUBPROTOCOL);
    await once(socket, "open");
    const tools = [{ name: "look", description: "", inputSchema: { type: "object" } }];
    const register = { type: "device.register", token: gateway.apiKey, deviceKey: "tab-7", bootId: "b", tools };
    socket.send(JSON.stringify({ ...register, displayName: "A tab", platform: "browser", labels: { room: "1" } }));
    const [message] = (await once(socket, "message")) as [Buffer];
    const { deviceId } = JSON.parse(message.toString()) as { deviceId: string };
    const listed = await gateway.call<{ data: Device[] }>("GET", "/api/devices");
    expect(listed.body.data.find(({ id }) => id === deviceId)).toMatchObject({ key: "tab-7", online: true, tools });
    const found = await gateway.call<DeviceDetail>("GET", `/api/devices/${deviceId}`);
    expect(found.body).toMatchObject({
      displayName: "A tab",
      platform: "browser",
      labels: { room: "1" },
      online: true,
    });
    expect(found.body.sessions).toMatchObject([{ bootId: "b", disconnectedAt: null }]);
    const closed = once(socket, "close");
    expect(await gateway.call("DELETE", `/api/devices/${deviceId}`)).toMatchObject({ status: 204, body: null });
    expect((await closed)[0]).toBe(CLOSE_CODES.replaced);
    expectProblem(await gateway.call("GET", `/api/devices/${deviceId}`), 404, "not_found");
  });
});

describe("who may", () => {
  test("nobody without a valid credential", async () => {
    const none = await gateway.call("GET", "/api/runs", undefined, { credential: null });
    expectProblem(none, 401, "unauthenticated");
    expect(none.headers.get("www-authenticate")).toMatch(/^Bearer/);
    for (const credential of ["hsafa_unknown", "a.b.c", newApiKey(), "x".repeat(9000)]) {
      expectProblem(await gateway.call("GET", "/api/runs", undefined, { credential }), 401, "unauthenticated");
    }
  });

  test("a foreign id looks exactly like a missing one, at every path that takes one", async () => {
    const { runId, callId } = await waitingRun();
    const { body: thread } = await gateway.call<Thread>("POST", "/api/threads", { key: "mine" });
    const paths = (id: string, threadId: string): [string, string, unknown?][] => [
      ["GET", `/api/runs/${id}`],
      ["GET", `/api/runs/${id}/events`],
      ["GET", `/api/runs/${id}/stream`],
      ["GET", `/api/runs/${id}/tool-calls`],
      ["POST", `/api/runs/${id}/messages`, { message: "x" }],
      ["POST", `/api/runs/${id}/cancel`, {}],
      ["POST", `/api/runs/${id}/approvals`, { callId, approved: true }],
      ["POST", `/api/runs/${id}/tool-results`, { callId, result: 1 }],
      ["GET", `/api/threads/${threadId}`],
      ["GET", `/api/threads/${threadId}/messages`],
      ["GET", `/api/devices/${id}`],
      ["DELETE", `/api/devices/${id}`],
      ["GET", `/api/agents/${threadId}`],
    ];
    const foreign = paths(runId, thread.id);
    const missing = paths(MISSING_ID, MISSING_ID);
    const malformed = paths("not-an-id", "no%20such");
    const tell = async ([method, path, body]: [string, string, unknown?]): Promise<unknown> => {
      const answer = await gateway.call(method, path, body, { credential: foreignKey });
      const { requestId: _, ...rest } = expectProblem(answer, 404, "not_found");
      return rest;
    };
    for (const [index, call] of foreign.entries()) {
      const told = await tell(call);
      expect({ call, told }).toEqual({ call, told: await tell(missing[index] ?? call) });
      expect({ call, told }).toEqual({ call, told: await tell(malformed[index] ?? call) });
    }
    for (const path of ["/api/runs", "/api/agents", "/api/tool-calls", "/api/devices"]) {
      expect(await gateway.call("GET", path, undefined, { credential: foreignKey })).toMatchObject({
        status: 200,
        body: { data: [], nextCursor: null },
      });
    }
    expectProblem(
      await gateway.call("POST", "/api/runs", { agent: "echo", input: "x" }, { credential: foreignKey }),
      404,
      "not_found",
    );
    await gateway.call("POST", `/api/runs/${runId}/cancel`);
    await gateway.waitForEnd(runId);
  });

  test("a token can do only what it names", async () => {
    const { runId } = await gateway.startRun({ agent: "echo", input: "mine" });
    const other = await gateway.startRun({ agent: "echo", input: "other" });
    await gateway.waitForEnd(runId);
    const credential = await tokenFor({ scopes: ["runs:read"], runId });
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
    expectProblem(
      await gateway.call("POST", "/api/tokens", { scopes: ["runs:read"] }, { credential }),
      403,
      "forbidden",
    );
    expectProblem(
      await gateway.call("POST", "/api/tokens", { scopes: ["runs:read"], runId: MISSING_ID }),
      404,
      "not_found",
    );
    await gateway.waitForEnd(other.runId);
  });

  test("a token of a thread starts and sees runs of its thread alone", async () => {
    const { body: thread } = await gateway.call<Thread>("POST", "/api/threads", {});
    const credential = await tokenFor({ scopes: ["runs:read", "runs:write"], threadId: thread.id });
    const outside = await gateway.startRun({ agent: "echo", input: "outside" });
    const started = await gateway.call<StartedRun>(
      "POST",
      "/api/runs",
      { agent: "echo", input: "inside" },
      { credential },
    );
    expect(started.status).toBe(202);
    await gateway.waitForEnd(started.body.runId);
    const listed = await gateway.call<{ data: Run[] }>("GET", "/api/runs", undefined, { credential });
    expect(listed.body.data.map(({ id }) => id)).toEqual([started.body.runId]);
    expectProblem(await gateway.call("GET", `/api/runs/${outside.runId}`, undefined, { credential }), 404, "not_found");
    expectProblem(
      await gateway.call("POST", "/api/runs", { agent: "echo", input: "x", threadId: "chat2" }, { credential }),
      404,
      "not_found",
    );
    await gateway.waitForEnd(outside.runId);
  });

  test("the cookie is good for reading runs and for nothing else", async () => {
    const { runId } = await gateway.startRun({ agent: "echo", input: "cookie" });
    await gateway.waitForEnd(runId);
    const credential = await tokenFor({ scopes: ["runs:read", "runs:write"], expiresInSeconds: 60 });
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
    expect((await by("GET", `/api/runs/${runId}/events`, { origin: ORIGIN })).status).toBe(200);
    expect((await by("GET", `/api/runs/${runId}`, { origin: gateway.url })).status).toBe(200);
    expectProblem(await by("GET", `/api/runs/${runId}`, { origin: "https://evil.example" }), 401, "unauthenticated");
    expectProblem(await by("POST", `/api/runs/${runId}/cancel`), 401, "unauthenticated");
    expectProblem(await by("POST", "/api/tokens"), 401, "unauthenticated");
    expectProblem(await gateway.call("POST", "/api/tokens/cookie"), 403, "forbidden");
    const foreignPage = { credential, headers: { origin: "https://evil.example" } };
    expectProblem(await gateway.call("POST", "/api/tokens/cookie", undefined, foreignPage), 403, "forbidden");
  });
});

describe("bad input", () => {
  const post = (body: string, headers: Record<string, string> = {}): Promise<Answer> =>
    gateway.call("POST", "/api/runs", body, { headers });

  test("malformed JSON, no UTF-8, and another media type", async () => {
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

  test("unknown fields and wrong types are told with their paths", async () => {
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

  test("JSON nested 100,000 deep, a name that JavaScript means, half a surrogate pair", async () => {
    const deep = `{"agent":"echo","input":"x","metadata":{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}}`;
    expectProblem(await post(deep), 400, "invalid_request");
    const objects = `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`;
    expectProblem(await post(objects), 400, "invalid_request");
    const proto = '{"agent":"echo","input":"x","metadata":{"__proto__":{"admin":true}}}';
    expect(expectProblem(await post(proto), 400, "invalid_request").errors).toMatchObject([
      { path: "metadata.__proto__" },
    ]);
    expect(
      expectProblem(await post('{"agent":"echo","input":"\\ud800"}'), 400, "invalid_request").errors,
    ).toMatchObject([{ path: "input" }]);
    const { runId } = await gateway.startRun({
      agent: "echo",
      input: "a \u0000 b",
      metadata: { constructor: { prototype: 1 }, nul: "\u0000" },
    });
    expect(await gateway.waitForEnd(runId)).toMatchObject({ output: "a \u0000 b", metadata: { nul: "\u0000" } });
  });

  test("a body of 10 MB is answered, with and without a content-length", async () => {
    const body = JSON.stringify({ agent: "echo", input: "x".repeat(10 * 1024 * 1024) });
    expectProblem(await post(body), 413, "payload_too_large");
    const chunked = await sendChunked(body);
    expect(chunked).toMatchObject({ status: 413, problem: { code: "payload_too_large" } });
    const stranger = await gateway.call("POST", "/api/runs", body, { credential: null });
    expectProblem(stranger, 401, "unauthenticated");
  });

  /** Without a content-length, as `fetch` cannot send without half-duplex streams. */
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

  test("unknown paths, other methods, HEAD and OPTIONS", async () => {
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

  test("what is no HTTP gets an answer and leaves the server serving", async () => {
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
});

describe("pages elsewhere", () => {
  test("an allowed origin may read, and any other may not", async () => {
    const preflight = await gateway.call("OPTIONS", "/api/runs", undefined, {
      credential: null,
      headers: {
        origin: ORIGIN,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization",
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe(ORIGIN);
    expect(preflight.headers.get("access-control-allow-methods")).toContain("POST");
    expect(preflight.headers.get("access-control-allow-headers")).toBe(
      "Authorization, Content-Type, Last-Event-ID, Idempotency-Key",
    );
    for (const [origin, allowed] of [
      [ORIGIN, ORIGIN],
      ["https://evil.example", null],
      ["null", null],
    ] as const) {
      const answer = await gateway.call("GET", "/api/runs", undefined, { headers: { origin } });
      expect(answer.headers.get("access-control-allow-origin")).toBe(allowed);
      expect(answer.headers.get("vary")).toContain("Origin");
    }
    const { runId } = await gateway.startRun({ agent: "echo", input: "cors" });
    const stream = await gateway.call("GET", `/api/runs/${runId}/stream`, undefined, { headers: { origin: ORIGIN } });
    expect(stream.headers.get("access-control-allow-origin")).toBe(ORIGIN);
    const refused = await gateway.call("GET", `/api/runs/${MISSING_ID}`, undefined, { headers: { origin: ORIGIN } });
    expect(refused.headers.get("access-control-allow-origin")).toBe(ORIGIN);
  });

  test("a WebSocket is opened at its paths only, and from allowed origins only", async () => {
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
    expect(await statusOf("/api/watch", ORIGIN)).toBe(101);
    expect(await statusOf("/api/watch", "https://evil.example")).toBe(403);
    expect(await statusOf("/devices/connect", "https://evil.example")).toBe(403);
    expect(await statusOf("/api/runs")).toBe(404);
    expect(await statusOf("/health", undefined, "h2c")).toBe(200);
  });
});

describe("what says that it is there", () => {
  test("health, readiness, metrics and the pages are open to anyone", async () => {
    const open = { credential: null };
    expect((await gateway.call("GET", "/health", undefined, open)).body).toEqual({ status: "ok" });
    expect((await gateway.call("GET", "/ready", undefined, open)).body).toEqual({ status: "ready" });
    const metrics = await gateway.call<string>("GET", "/metrics", undefined, open);
    expect(metrics.body).toMatch(/^hsafa_http_requests_total\{method="GET",route="\/health",status="200"\} \d+$/m);
    expect(metrics.body).toMatch(/^hsafa_watchers \d+$/m);
    expect(metrics.body).not.toContain(MISSING_ID);
    for (const path of ["/", "/docs"]) {
      const page = await gateway.call<string>("GET", path, undefined, open);
      expect(page.headers.get("content-type")).toContain("text/html");
      expect(page.body).not.toMatch(/<script|https?:\/\//);
    }
  });

  test("OpenAPI lists every call with its scheme, parameters and answers, and every reference in it resolves", async () => {
    const { body } = await gateway.call<OpenApi>("GET", "/openapi.json", undefined, { credential: null });
    expect(body.openapi).toBe("3.1.0");
    const listed = Object.entries(body.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(listed.toSorted()).toEqual(
      [
        "POST /api/tokens",
        "POST /api/tokens/cookie",
        "POST /api/agents",
        "GET /api/agents",
        "GET /api/agents/{idOrName}",
        "GET /api/agents/{idOrName}/versions",
        "GET /api/agents/{idOrName}/versions/{versionId}",
        "POST /api/agents/{idOrName}/promote",
        "POST /api/runs",
        "GET /api/runs",
        "GET /api/runs/{id}",
        "GET /api/runs/{id}/stream",
        "GET /api/runs/{id}/events",
        "GET /api/runs/{id}/tool-calls",
        "GET /api/tool-calls",
        "POST /api/runs/{id}/tool-results",
        "POST /api/runs/{id}/messages",
        "POST /api/runs/{id}/approvals",
        "POST /api/runs/{id}/cancel",
        "POST /api/threads",
        "GET /api/threads/{id}",
        "GET /api/threads/{id}/messages",
        "GET /api/devices",
        "GET /api/devices/{id}",
        "DELETE /api/devices/{id}",
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
});
