import { createHash, randomUUID } from "node:crypto";
import {
  type AgentConfigInput,
  type ApiKey,
  type ApiKeyWithSecret,
  type JsonValue,
  type Run,
  type StartedRun,
  type ToolCall,
  writeExactJson,
} from "@hsafa/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { canonicalJson } from "../../../src/core/canonical-json.ts";
import { type ApiGateway, startApiGateway } from "../../support/api-gateway.ts";
import { expectProblem } from "../../support/expect-problem.ts";
import { until } from "../../support/until.ts";

let gateway: ApiGateway;
beforeAll(async () => {
  gateway = await startApiGateway();
});
afterAll(() => gateway.close());

const inputSchema = { type: "object" };

async function approvalOf(runId: string, callId: string) {
  const { approval, ...call } = (await gateway.toolCalls(runId)).find(({ id }) => id === callId) as ToolCall;
  if (approval === null) throw new Error("the call was not shown for approval");
  return { ...approval, call };
}

test("the event and the call state what is approved, and their digest is of exactly that", async () => {
  const { runId, callId } = await gateway.startWaitingRun("approved");
  const { call, ...approval } = await approvalOf(runId, callId);
  const stated = { runId, callId, toolName: call.toolName, args: call.args, recipient: { kind: "external" } };
  const digest = createHash("sha256").update(canonicalJson(stated)).digest("hex");
  expect(approval).toMatchObject({
    digest,
    recipient: stated.recipient,
    groups: [],
    selfApproval: false,
    decision: null,
  });
  const asked = (await gateway.events(runId)).find(({ type }) => type === "tool.awaiting_approval");
  const { runId: _, ...data } = stated;
  expect(asked?.data).toEqual({ ...data, digest, expiresAt: approval.expiresAt });
  await gateway.call("POST", `/api/runs/${runId}/cancel`);
  await gateway.waitForEnd(runId);
});

test("a decision about something else than the call is refused, and changes nothing", async () => {
  const { runId, callId } = await gateway.startWaitingRun("approved");
  const other = await gateway.startWaitingRun("approved");
  const { digest } = await approvalOf(runId, callId);
  const { digest: foreign } = await approvalOf(other.runId, other.callId);
  const path = `/api/runs/${runId}/approvals`;
  const decide = (with_: object) => gateway.call("POST", path, { callId, approved: true, ...with_ });
  expectProblem(await decide({ digest: foreign }), 409, "approval_changed");
  expectProblem(await decide({ digest: digest.toUpperCase() }), 400, "invalid_request");
  expectProblem(await decide({ digest: "" }), 400, "invalid_request");
  expectProblem(await decide({ digest: null }), 400, "invalid_request");
  // A decision of one call decides no other, in its own run or in another.
  expectProblem(await decide({ callId: other.callId, digest: foreign }), 404, "not_found");
  expect(await approvalOf(runId, callId)).toMatchObject({ decision: null, call: { status: "awaiting_approval" } });

  expect((await decide({ digest })).status).toBe(202);
  expect((await decide({ digest })).status).toBe(202);
  expectProblem(await decide({ digest: foreign }), 409, "approval_changed");
  await until("the run has the decision", async () => (await approvalOf(runId, callId)).decision !== null);
  expect(await approvalOf(other.runId, other.callId)).toMatchObject({ decision: null });
  for (const id of [runId, other.runId]) {
    await gateway.call("POST", `/api/runs/${id}/cancel`);
    await gateway.waitForEnd(id);
  }
});

test("who decided, about what and when is in the record and with the call", async () => {
  const { runId, callId } = await gateway.startWaitingRun("approved");
  const { digest } = await approvalOf(runId, callId);
  const credential = await gateway.createToken({ scopes: ["approvals:decide"], runId, subject: "user-7" });
  const body = { callId, approved: false, digest, reason: "too dear" };
  expect((await gateway.call("POST", `/api/runs/${runId}/approvals`, body, { credential })).status).toBe(202);
  await gateway.waitForEnd(runId);
  const { decision } = await approvalOf(runId, callId);
  expect(decision).toMatchObject({
    approved: false,
    by: expect.stringMatching(/^user-7 by token of /) as unknown,
    subject: "user-7",
  });
  const fact = (await gateway.events(runId)).find(({ type }) => type === "tool.denied");
  expect(fact).toMatchObject({
    ts: decision?.at,
    data: { callId, digest, reason: "too dear", by: decision?.by, keyId: decision?.keyId, subject: "user-7" },
  });
});

test("a tool that destroys asks, unless its author says that it does not", async () => {
  const tools = [
    { name: "wipe", inputSchema, destructive: true, server: { type: "function" as const } },
    { name: "wipe_freely", inputSchema, destructive: true, approval: "never" as const, target: "external" as const },
  ];
  const script = [
    [
      { call: "wipe", args: { z: 1, a: "é" } },
      { call: "wipe_freely", args: {} },
    ],
  ];
  const settings = { providerOptions: { demo: { script } } };
  await gateway.pushAgent({ name: "wiper", model: "demo/script", settings, tools });
  const { runId } = await gateway.startRun({ agent: "wiper", input: "x" });
  await gateway.waitForRun(runId, ({ status }) => status === "waiting_tool");
  const [wipe, freely] = await gateway.toolCalls(runId);
  expect(wipe).toMatchObject({
    status: "awaiting_approval",
    approval: { recipient: { kind: "function", name: "wipe" } },
  });
  expect(writeExactJson(wipe?.args as JsonValue)).toBe('{"z":1,"a":"é"}');
  expect(freely).toMatchObject({ status: "dispatched", approval: null });
  await gateway.call("POST", `/api/runs/${runId}/cancel`);
  await gateway.waitForEnd(runId);
});

/** Starts a run of an agent with these rules, and waits until its one call waits. */
async function startAsking(
  approval: NonNullable<AgentConfigInput["tools"]>[number]["approval"],
  credential?: string,
  rules?: AgentConfigInput["approval"],
) {
  const name = `agent-${randomUUID()}`;
  const tools = [{ name: "pay", target: "external" as const, inputSchema, approval }];
  await gateway.pushAgent({ name, model: "demo/tools", tools, ...(rules === undefined ? {} : { approval: rules }) });
  const asked = credential === undefined ? {} : { credential: await credentialFor(name, credential) };
  const started = await gateway.call<StartedRun>("POST", "/api/runs", { agent: name, input: "x" }, asked);
  expect(started.status).toBe(202);
  const { runId } = started.body;
  await gateway.waitForRun(runId, ({ status }) => status === "waiting_tool");
  const [call] = await gateway.toolCalls(runId);
  return { runId, callId: call?.id ?? "", name };
}

/** A page's token for this agent, for this user (`-`: for nobody in particular). */
const credentialFor = (agent: string, subject: string, more: object = {}) =>
  gateway.createToken({
    scopes: ["runs:start", "runs:read", "approvals:decide"],
    agents: [agent],
    ...(subject === "-" ? {} : { subject }),
    ...more,
  });

const decideAs = ({ runId, callId }: { runId: string; callId: string }, credential: string | undefined) =>
  gateway.call(
    "POST",
    `/api/runs/${runId}/approvals`,
    { callId, approved: false },
    credential === undefined ? {} : { credential },
  );

test.each(["-", "alice"])(
  "who started a run does not decide its calls, also with another token: %s",
  async (subject) => {
    const run = await startAsking("always", subject);
    const refused = await decideAs(run, await credentialFor(run.name, subject));
    expectProblem(refused, 403, "forbidden");
    expect(JSON.stringify(refused.body)).toContain("selfApproval");
    expect((await gateway.toolCalls(run.runId))[0]).toMatchObject({ status: "awaiting_approval" });
    // Somebody else's token, for the run alone.
    const other = await gateway.createToken({ scopes: ["approvals:decide"], runId: run.runId, subject: "bob" });
    expect((await decideAs(run, other)).status).toBe(202);
    await gateway.waitForEnd(run.runId);
  },
);

test("who started a run decides its calls if the agent or the tool says so; a tool may take it back", async () => {
  const allowed = await startAsking({ selfApproval: true }, "alice");
  expect((await decideAs(allowed, await credentialFor(allowed.name, "alice"))).status).toBe(202);
  const byAgent = await startAsking("always", "alice", { selfApproval: true });
  expect((await decideAs(byAgent, await credentialFor(byAgent.name, "alice"))).status).toBe(202);
  const taken = await startAsking({ selfApproval: false }, "alice", { selfApproval: true });
  expectProblem(await decideAs(taken, await credentialFor(taken.name, "alice")), 403, "forbidden");
  expect((await decideAs(taken, undefined)).status).toBe(202);
  for (const { runId } of [allowed, byAgent, taken]) await gateway.waitForEnd(runId);
});

test("a call of a group is decided by who is in it, and by nobody else whatever their scopes", async () => {
  const run = await startAsking({ groups: ["finance", "board"] });
  const admin = await decideAs(run, undefined);
  expectProblem(admin, 403, "forbidden");
  expect(JSON.stringify(admin.body)).toContain("one of the groups finance, board");
  const tokenOf = (more: object) => gateway.createToken({ scopes: ["approvals:decide"], runId: run.runId, ...more });
  expectProblem(await decideAs(run, await tokenOf({ groups: ["sales"] })), 403, "forbidden");
  expectProblem(await decideAs(run, await tokenOf({ subject: "finance" })), 403, "forbidden");
  expect((await gateway.toolCalls(run.runId))[0]).toMatchObject({ status: "awaiting_approval" });
  expect((await decideAs(run, await tokenOf({ groups: ["sales", "board"] }))).status).toBe(202);
  await gateway.waitForEnd(run.runId);
});

test("a key decides for its groups, and gives no token a group that it does not have", async () => {
  const body = { name: "desk", scopes: ["runs:read", "approvals:decide"], groups: ["finance"] };
  const made = await gateway.call<ApiKeyWithSecret>("POST", "/api/keys", body);
  expect(made).toMatchObject({ status: 201, body: { groups: ["finance"] } });
  const credential = made.body.key;
  const listed = await gateway.call<{ data: ApiKey[] }>("GET", "/api/keys");
  expect(listed.body.data.find(({ id }) => id === made.body.id)?.groups).toEqual(["finance"]);
  const wanted = { scopes: ["approvals:decide"], groups: ["board"] };
  const refused = await gateway.call("POST", "/api/tokens", wanted, { credential });
  expectProblem(refused, 403, "forbidden");
  expect(JSON.stringify(refused.body)).toContain("board");
  const given = await gateway.call("POST", "/api/tokens", { ...wanted, groups: ["finance"] }, { credential });
  expect(given.status).toBe(201);
  const run = await startAsking({ groups: ["finance"] });
  expect((await decideAs(run, credential)).status).toBe(202);
  await gateway.waitForEnd(run.runId);
});

test("a run says who started it", async () => {
  const { runId } = await startAsking("always", "alice");
  const { body } = await gateway.call<Run>("GET", `/api/runs/${runId}`);
  expect(body).toMatchObject({ startedBy: expect.stringMatching(/^alice by token of /) as unknown, subject: "alice" });
  await gateway.call("POST", `/api/runs/${runId}/cancel`);
  await gateway.waitForEnd(runId);
});
