import type { ToolCall } from "@hsafa/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ApiGateway, MISSING_ID, startApiGateway } from "../../support/api-gateway.ts";
import { expectProblem } from "../../support/expect-problem.ts";

let gateway: ApiGateway;
beforeAll(async () => {
  gateway = await startApiGateway();
});
afterAll(() => gateway.close());

test("a tool call takes one result: an equal one is a repeat, another one a conflict (R7)", async () => {
  const { runId, callId } = await gateway.startWaitingRun();
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
  const calls = await gateway.call<{ data: ToolCall[] }>("GET", "/api/tool-calls?toolName=ask_person&status=completed");
  expect(calls.body.data.find(({ id }) => id === callId)).toMatchObject({
    runId,
    attempts: 1,
    source: "http",
    result: { a: 1, b: 2 },
  });
});

test("a result that is too large or for no call of the run is refused, and the call stays open (R9)", async () => {
  const { runId, callId } = await gateway.startWaitingRun();
  const other = await gateway.startWaitingRun();
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

test("a call that needs approval takes no result before, and one decision", async () => {
  const { runId, callId } = await gateway.startWaitingRun("approved");
  const results = `/api/runs/${runId}/tool-results`;
  const approvals = `/api/runs/${runId}/approvals`;
  expectProblem(await gateway.call("POST", results, { callId, result: 1 }), 409, "result_conflict");
  expectProblem(await gateway.call("POST", approvals, { callId: MISSING_ID, approved: true }), 404, "not_found");
  expect((await gateway.call("POST", approvals, { callId, approved: false, reason: "not now" })).status).toBe(202);
  await gateway.waitForEnd(runId);
  // A client that lost the response decides again, and learns what became of it.
  expect((await gateway.call("POST", approvals, { callId, approved: false })).status).toBe(202);
  expectProblem(await gateway.call("POST", approvals, { callId, approved: true }), 409, "call_not_awaiting_approval");
  const facts = await gateway.events(runId);
  expect(facts.find(({ type }) => type === "tool.denied")).toMatchObject({ data: { callId, reason: "not now" } });
});
