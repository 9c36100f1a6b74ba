import type { Run, StartedRun, Thread, ThreadMessage } from "@hsafa/protocol";
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
  const credential = await gateway.createToken({ scopes: ["runs:read", "runs:write"], threadId: thread.id });
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
