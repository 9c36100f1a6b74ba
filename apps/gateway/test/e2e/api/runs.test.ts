import type { Run, RunEvent, StartedRun } from "@hsafa/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ApiGateway, startApiGateway } from "../../support/api-gateway.ts";
import { expectProblem } from "../../support/expect-problem.ts";

let gateway: ApiGateway;
beforeAll(async () => {
  gateway = await startApiGateway();
});
afterAll(() => gateway.close());

test("a run's log read in pages equals what its stream sent", async () => {
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

test("trailing user messages are the run's input, and messages before them are its history", async () => {
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

test("the same Idempotency-Key starts one run, and another body under it is refused (R4)", async () => {
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

test("runs are listed newest first, and by agent, status and thread", async () => {
  const { runId } = await gateway.startRun({ agent: "echo", input: "listed", threadId: "list-thread" });
  await gateway.waitForEnd(runId);
  const of = async (query: string): Promise<string[]> =>
    (await gateway.call<{ data: Run[] }>("GET", `/api/runs?${query}`)).body.data.map(({ id }) => id);
  expect((await of("agent=echo&status=completed"))[0]).toBe(runId);
  expect(await of("threadId=list-thread")).toEqual([runId]);
  expect(await of("agent=external&threadId=list-thread")).toEqual([]);
});

test("a list of runs is narrowed by version, device, time and a text in metadata, and what is none is refused", async () => {
  const since = new Date(Date.now()).toISOString();
  const metadata = { order: "A-1709" };
  const { runId } = await gateway.startRun({ agent: "echo", input: "narrowed", metadata });
  await gateway.waitForEnd(runId);
  const { versionId } = (await gateway.call<Run>("GET", `/api/runs/${runId}`)).body;
  const of = async (query: string): Promise<string[]> =>
    (await gateway.call<{ data: Run[] }>("GET", `/api/runs?${query}`)).body.data.map(({ id }) => id);
  expect(await of(`versionId=${versionId}&since=${since}&metadata=a-1709`)).toEqual([runId]);
  expect(await of(`versionId=${runId}&since=${since}`)).toEqual([]);
  expect(await of(`metadata=a-1709&until=${since}`)).toEqual([]);
  expect(await of("metadata=A-1710")).toEqual([]);
  expect(await of("device=no-such-device")).toEqual([]);
  for (const refused of ["versionId=one", "device=", "since=yesterday", `metadata=${"x".repeat(201)}`])
    expect((await gateway.call("GET", `/api/runs?${refused}`)).status).toBe(400);
});

test("a message reaches a run in progress once, and an ended run refuses it (R4, R6)", async () => {
  const { runId, callId } = await gateway.startWaitingRun();
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
  // After a user's message the script starts again, so it calls the tool once more.
  await gateway.waitForRun(runId, ({ status, steps }) => status === "waiting_tool" && steps === 2);
  await gateway.call("POST", `/api/runs/${runId}/cancel`);
  await gateway.waitForEnd(runId);
  const said = (await gateway.events(runId)).filter(({ type }) => type === "message.user");
  expect(said.length).toBe(2);
  expectProblem(await gateway.call("POST", path, { message: "late" }), 409, "run_ended");
});

test("a cancel without a body ends the run once, and a second cancel is accepted (R6)", async () => {
  const { runId } = await gateway.startWaitingRun();
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

test("a position beyond the log, or that is no position, is refused", async () => {
  const { runId } = await gateway.startRun({ agent: "echo", input: "x" });
  await gateway.waitForEnd(runId);
  for (const path of ["events", "stream"]) {
    expectProblem(await gateway.call("GET", `/api/runs/${runId}/${path}?after=999-0`), 400, "invalid_position");
    expectProblem(await gateway.call("GET", `/api/runs/${runId}/${path}?after=seven`), 400, "invalid_position");
  }
});
