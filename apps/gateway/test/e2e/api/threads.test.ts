import { createClient } from "@hsafa/client";
import type { Page, Run, StartedRun, Thread, ThreadMessage } from "@hsafa/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ApiGateway, startApiGateway } from "../../support/api-gateway.ts";
import { expectProblem } from "../../support/expect-problem.ts";

let gateway: ApiGateway;
beforeAll(async () => {
  gateway = await startApiGateway();
});
afterAll(() => gateway.close());

test("runs of a thread see each other's messages, and its messages are read in pages", async () => {
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
  const paged = await gateway.readPages<ThreadMessage>("/api/threads/chat/messages", 3);
  expect(paged.flat()).toEqual(whole.body.data);
});

test("a token for one thread starts and sees only runs of that thread", async () => {
  const { body: thread } = await gateway.call<Thread>("POST", "/api/threads", {});
  const credential = await gateway.createToken({
    scopes: ["runs:read", "runs:write"],
    agents: ["echo"],
    threadId: thread.id,
  });
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

/** Makes a thread, and returns what the gateway keeps of it. */
async function makeThread(body: { readonly key?: string; readonly subject?: string }): Promise<Thread> {
  const made = await gateway.call<Thread>("POST", "/api/threads", { metadata: { topic: "list" }, ...body });
  expect(made.status).toBe(201);
  return made.body;
}

const listThreads = async (credential: string, query = ""): Promise<Thread[]> =>
  (await gateway.call<Page<Thread>>("GET", `/api/threads${query}`, undefined, { credential })).body.data;

test("threads are listed newest first and in pages, also one that a run made, and the client lists the same", async () => {
  const older = await makeThread({ subject: "lena", key: "older" });
  const body = { agent: "echo", input: "x", threadId: "made-by-a-run", subject: "lena" };
  const { runId } = (await gateway.call<StartedRun>("POST", "/api/runs", body)).body;
  await gateway.waitForEnd(runId);
  const byRun = (await gateway.call<Thread>("GET", "/api/threads/made-by-a-run?subject=lena")).body;
  const newest = await makeThread({ subject: "lena" });
  // A run does not move its thread: the order is that of their making.
  const again = await gateway.startRun({ agent: "echo", input: "again", threadId: older.id });
  await gateway.waitForEnd(again.runId);

  expect(await listThreads(gateway.apiKey, "?subject=lena")).toEqual([newest, byRun, older]);
  expect((await listThreads(gateway.apiKey)).slice(0, 3)).toEqual([newest, byRun, older]);
  const client = createClient({ url: gateway.url, token: gateway.apiKey });
  const first = await client.threads.list({ subject: "lena", limit: 2 });
  expect(first.data).toEqual([newest, byRun]);
  const cursor = first.nextCursor ?? "";
  expect(await client.threads.list({ subject: "lena", limit: 2, cursor })).toEqual({ data: [older], nextCursor: null });
  expect((await gateway.readPages<Thread>("/api/threads", 2)).flat()).toEqual(await listThreads(gateway.apiKey));
});

test("a user's token lists the user's threads, one without a subject those of nobody, and no list tells of others", async () => {
  const hers = await makeThread({ subject: "mia" });
  const his = await makeThread({ subject: "noah" });
  const ours = await makeThread({});
  const scopes = ["runs:read"];
  const mia = await gateway.createToken({ scopes, subject: "mia" });
  const nobody = await gateway.createToken({ scopes });
  expect(await listThreads(mia)).toEqual([hers]);
  expect(await listThreads(mia, "?subject=mia")).toEqual([hers]);
  expect(await listThreads(mia, "?subject=noah")).toEqual([]);
  expect(await listThreads(mia, "?subject=nobody-at-all")).toEqual([]);
  // A page of another's list leads nowhere but into her own.
  const page = await gateway.call<Page<Thread>>("GET", "/api/threads?limit=1");
  expect(page.body.data).toEqual([ours]);
  expect(await listThreads(gateway.apiKey, `?limit=1&cursor=${page.body.nextCursor}`)).toEqual([his]);
  expect(await listThreads(mia, `?cursor=${page.body.nextCursor}`)).toEqual([hers]);
  const seen = await listThreads(nobody);
  expect(seen).toContainEqual(ours);
  expect(seen.every(({ subject }) => subject === null)).toBe(true);
});

test("a token for a thread lists that thread alone, and tokens for less have no list", async () => {
  const scopes = ["runs:read"];
  const thread = await makeThread({ subject: "olga" });
  await makeThread({ subject: "olga" });
  const credential = await gateway.createToken({ scopes, threadId: thread.id });
  const whole = await gateway.call("GET", "/api/threads", undefined, { credential });
  expect(whole).toMatchObject({ status: 200, body: { data: [thread], nextCursor: null } });
  expect(await listThreads(credential, "?subject=olga")).toEqual([thread]);
  expect(await listThreads(credential, "?subject=mia")).toEqual([]);
  const { nextCursor } = (await gateway.call<Page<Thread>>("GET", "/api/threads?limit=1")).body;
  expect(await listThreads(credential, `?cursor=${nextCursor}`)).toEqual([]);
  const { runId } = await gateway.startRun({ agent: "echo", input: "x", threadId: thread.id });
  await gateway.waitForEnd(runId);
  for (const bound of [{ runId }, { runId, threadId: thread.id }, { deviceKey: "laptop" }]) {
    const less = await gateway.createToken({ scopes, ...bound });
    expectProblem(await gateway.call("GET", "/api/threads", undefined, { credential: less }), 403, "forbidden");
  }
});
