import { randomUUID } from "node:crypto";
import type { AgentConfigInput, Run, RunEvent, TenantQuotas } from "@hsafa/protocol";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { apiKeyHash, newApiKey } from "../../src/access/api-key.ts";
import { expectProblem } from "../support/expect-problem.ts";
import { GATEWAY_PAIRS, type GatewayPair } from "../support/gateway-pairs.ts";
import { RawDevice } from "../support/raw-device.ts";
import { until } from "../support/until.ts";

type Step = readonly object[];
/** What a demo model is told to play. */
const script = (...steps: readonly Step[]): string => `demo: ${JSON.stringify(steps)}`;
const ask = (tool: string, input: string): object => ({ call: tool, args: { input } });
/** A run that asks `tool` to play a script, and says what came of it. */
const delegate = (tool: string, ...steps: readonly Step[]): string =>
  script([ask(tool, script(...steps))], [{ say: "It says: {{result}}" }]);

const agentTool = (name: string, agent: string) => ({ name, server: { type: "agent" as const, agent } });
const CHECKER = { name: "checker", model: "demo/script", tools: [{ name: "open", inputSchema: {} }] };
const RESEARCHER = {
  name: "researcher",
  model: "demo/script",
  tools: [
    agentTool("check", "checker"),
    { name: "ask", inputSchema: {}, target: "external" as const },
    { name: "wipe", inputSchema: {}, target: "external" as const, approval: "always" as const },
  ],
};
const BOSS = { name: "boss", model: "demo/script", tools: [agentTool("research", "researcher")] };

describe.each(GATEWAY_PAIRS)("a run that starts others, %s", (_name, open, isSkipped) => {
  describe.skipIf(isSkipped)("over HTTP", () => {
    let pair: GatewayPair;
    const devices: RawDevice[] = [];
    beforeAll(async () => {
      pair = await open();
      for (const config of [CHECKER, RESEARCHER, BOSS]) await pair.a.pushAgent(config);
    });
    afterEach(() => {
      for (const device of devices.splice(0)) device.socket.terminate();
    });
    afterAll(() => pair.close());

    const start = async (input: string, more: object = {}): Promise<string> =>
      (await pair.a.startRun({ agent: "boss", input, ...more })).runId;
    const childrenOf = async (runId: string): Promise<Run[]> =>
      (await pair.b.call<{ data: Run[] }>("GET", `/api/runs?parent=${runId}`)).body.data;
    const childOf = async (runId: string): Promise<Run> => {
      let child: Run | undefined;
      await until(
        "there is a child",
        async () => ([child] = await childrenOf(runId)).length > 0 && child !== undefined,
      );
      if (child === undefined) throw new Error("there is a child");
      return child;
    };
    const factOf = (events: readonly RunEvent[], type: string): object | undefined =>
      events.find((event) => event.type === type)?.data;
    const pushed = (config: AgentConfigInput) => pair.a.call("POST", "/api/agents", { name: config.name, config });

    test("the parent parks, its events name the child, and the child's answer is the result", async () => {
      const runId = await start(delegate("research", [{ say: "lemons" }]));
      const run = await pair.b.waitForEnd(runId);
      expect(run).toMatchObject({ status: "completed", output: "It says: lemons", depth: 0, parentRunId: null });
      const child = await childOf(runId);
      const above = { parentRunId: runId, parentCallId: child.id, rootRunId: runId, depth: 1 };
      expect(child).toMatchObject({ status: "completed", agentName: "researcher", output: "lemons", ...above });
      const events = await pair.b.watch(runId);
      expect(factOf(events, "tool.dispatched")).toMatchObject({ child: { runId: child.id, agentId: child.agentId } });
      expect(factOf(events, "child.ended")).toMatchObject({ childRunId: child.id, status: "completed" });
      expect(factOf(events, "tool.completed")).toMatchObject({ result: "lemons", source: "agent" });
      expect(factOf(events, "run.waiting")).toMatchObject({ callIds: [child.id] });
      expect(run.childrenUsage.totalTokens).toBe(child.usage.totalTokens);
      const [created] = await pair.b.watch(child.id);
      expect(created?.data).toMatchObject({ parent: { runId, callId: child.id, rootRunId: runId, depth: 1 } });
    });

    test("a cancel reaches a child and its child at once", async () => {
      const hold = script([ask("check", script([{ hang: true }]))]);
      const runId = await start(script([ask("research", hold)]));
      const child = await childOf(runId);
      const grandchild = await childOf(child.id);
      await pair.a.waitForRun(grandchild.id, ({ status }) => status === "running");
      const canceledAt = Date.now();
      await pair.b.call("POST", `/api/runs/${runId}/cancel`, { reason: "enough" });
      for (const id of [runId, child.id, grandchild.id]) {
        const run = await pair.b.waitForEnd(id);
        expect(run.status).toBe("canceled");
        // The engine's own test knows that it is a second. A busy machine that runs other tests has longer.
        expect(Date.parse(run.completedAt ?? "") - canceledAt).toBeLessThan(3000);
      }
    });

    test("a child that never ends expires as the call that it is, is canceled, and its parent goes on", async () => {
      const impatient = { ...agentTool("research", "researcher"), timeoutMs: 1500 };
      await pair.a.pushAgent({ ...BOSS, name: "impatient", tools: [impatient] });
      const input = script([ask("research", script([{ call: "ask" }]))], [{ say: "Nobody answered." }]);
      const runId = await start(input, { agent: "impatient" });
      const child = await childOf(runId);
      expect(await pair.b.waitForEnd(runId)).toMatchObject({ status: "completed", output: "Nobody answered." });
      const events = await pair.a.events(runId);
      expect(factOf(events, "tool.expired")).toMatchObject({ callId: child.id, error: { code: "outcome_unknown" } });
      expect((await pair.b.waitForEnd(child.id)).status).toBe("canceled");
    });

    test("a limit on the time of the parent leaves no child behind", async () => {
      const runId = await start(script([ask("research", script([{ call: "ask" }]))]), { limits: { wallTimeMs: 5000 } });
      const child = await childOf(runId);
      expect(await pair.b.waitForEnd(runId)).toMatchObject({ status: "failed", error: { code: "limit_exceeded" } });
      expect((await pair.b.waitForEnd(child.id)).status).toBe("canceled");
    });

    test("a device that takes the call of a child is told of both runs, whoever may take it", async () => {
      const device = new RawDevice(`${pair.b.url.replace("http", "ws")}/devices/connect`);
      devices.push(device);
      const tools = [{ name: "open", inputSchema: {} }];
      await device.register({ token: pair.b.apiKey, deviceKey: randomUUID(), tools });
      const inner = script([ask("check", script([{ call: "open", args: {} }], [{ say: "opened" }]))], [{ say: "ok" }]);
      const runId = await start(script([ask("research", inner)], [{ say: "{{result}}" }]));
      const request = await device.next("tool.call.request");
      const child = await childOf(runId);
      const grandchild = await childOf(child.id);
      expect(request).toMatchObject({ runId: grandchild.id, parentRunId: child.id });
      device.send({ type: "tool.result", callId: request.callId, result: true });
      expect(await pair.a.waitForEnd(runId)).toMatchObject({ status: "completed", output: "ok" });
    });

    test("who sees the run at the top sees what is below it, and nobody else does", async () => {
      const runId = await start(delegate("research", [{ say: "lemons" }]), { threadId: `room-${_name}` });
      await pair.a.waitForEnd(runId);
      const child = await childOf(runId);
      const other = await start(script([{ say: "x" }]));
      const { threadId } = await pair.a.waitForEnd(runId);
      const seenBy = async (bounds: object) => {
        const body = { scopes: ["runs:read"], ...bounds };
        const { token } = (await pair.a.call<{ token: string }>("POST", "/api/tokens", body)).body;
        const options = { credential: token };
        const run = await pair.b.call("GET", `/api/runs/${child.id}`, undefined, options);
        const stream = await pair.b.call("GET", `/api/runs/${child.id}/events`, undefined, options);
        const list = await pair.b.call<{ data: Run[] }>("GET", `/api/runs?parent=${runId}`, undefined, options);
        return [run.status, stream.status, list.status, list.status === 200 ? list.body.data.length : 0];
      };
      expect(await seenBy({ runId })).toEqual([200, 200, 200, 1]);
      expect(await seenBy({ threadId })).toEqual([200, 200, 200, 1]);
      expect(await seenBy({ runId: other })).toEqual([404, 404, 404, 0]);
      expect(await seenBy({ subject: "ann" })).toEqual([404, 404, 404, 0]);
    });

    test("the call of a child is approved by whoever approves those of its parent, and not by who started it", async () => {
      const tokenOf = async (body: object) =>
        (await pair.a.call<{ token: string }>("POST", "/api/tokens", body)).body.token;
      const scopes = ["runs:write", "runs:read", "approvals:decide"];
      const hers = await tokenOf({ scopes, agents: ["boss"], subject: "ann" });
      const body = { agent: "boss", input: delegate("research", [{ call: "wipe", args: {} }], [{ say: "wiped" }]) };
      const started = await pair.a.call<{ runId: string }>("POST", "/api/runs", body, { credential: hers });
      const child = await childOf(started.body.runId);
      await pair.a.waitForRun(child.id, ({ status }) => status === "waiting_tool");
      const [call] = await pair.a.toolCalls(child.id);
      const decision = { callId: call?.id, approved: true, digest: call?.approval?.digest };
      const path = `/api/runs/${child.id}/approvals`;
      expectProblem(await pair.b.call("POST", path, decision, { credential: hers }), 403, "forbidden");
      expect((await pair.b.call("POST", path, decision)).status).toBe(202);
      await until("it is out", async () => (await pair.a.toolCalls(child.id))[0]?.status === "dispatched");
      await pair.b.call("POST", `/api/runs/${child.id}/tool-results`, { callId: call?.id, result: "gone" });
      expect(await pair.b.waitForEnd(started.body.runId)).toMatchObject({ subject: "ann", output: "It says: wiped" });
      expect(await pair.a.waitForEnd(child.id)).toMatchObject({
        subject: "ann",
        startedBy: expect.stringMatching(/ann/) as unknown,
      });
    });

    test("with a quota of one run a parent and its children all come to their end", async () => {
      const tenant = `one at a time, ${_name}`;
      const credential = newApiKey();
      const keyHash = apiKeyHash(credential);
      const owner = { tenantName: tenant, name: "operator", keyHash, scopes: ["admin"] as const };
      await pair.a.gateway.store.fleet.ensureApiKey(owner);
      const call = <Body>(method: string, path: string, body?: unknown) =>
        pair.a.call<Body>(method, path, body, { credential });
      for (const config of [CHECKER, RESEARCHER, BOSS])
        await call("POST", "/api/agents", { name: config.name, config });
      const quotas = { activeRuns: 1, queuedRuns: 1 };
      expect((await pair.a.call("PUT", "/api/quotas", { tenant, quotas })).status).toBe(200);
      const inner = script([ask("check", script([{ call: "open" }], [{ say: "x" }]))]);
      const input = script([ask("research", inner), ask("research", script([{ say: "two" }]))], [{ say: "done" }]);
      const { body } = await call<{ runId: string }>("POST", "/api/runs", { agent: "boss", input });
      const path = `/api/runs/${body.runId}`;
      await until("it waits for a grandchild", async () => {
        const { quotas: used } = (await call<TenantQuotas>("GET", "/api/quotas")).body;
        return used.activeRuns.used >= 3;
      });
      expectProblem(await call("POST", "/api/runs", { agent: "boss", input }), 429, "quota_exceeded");
      await call("POST", `${path}/cancel`, {});
      await until("all have ended", async () => {
        const { quotas: used } = (await call<TenantQuotas>("GET", "/api/quotas")).body;
        return used.activeRuns.used + used.queuedRuns.used === 0;
      });
      const again = await call<{ runId: string }>("POST", "/api/runs", {
        agent: "boss",
        input: delegate("research", [{ say: "lemons" }]),
      });
      await until("it has ended", async () => {
        const run = (await call<Run>("GET", `/api/runs/${again.body.runId}`)).body;
        return run.status === "completed" && run.output === "It says: lemons";
      });
    });

    test("a tool of an agent that is not there, or that leads back, is refused at the push", async () => {
      const faultsOf = async (config: AgentConfigInput) =>
        expectProblem(await pushed(config), 422, "invalid_agent_config").errors;
      expect(await faultsOf({ ...BOSS, tools: [agentTool("t", "nobody")] })).toEqual([
        { path: "config.tools.0.server.agent", message: "there is no agent 'nobody'; push it first" },
      ]);
      const self = { ...CHECKER, name: "selfish", tools: [agentTool("t", "selfish")] };
      expect((await faultsOf(self))?.[0]?.message).toMatch(/no agent works below itself: selfish -> selfish$/);
      const closing = { ...CHECKER, tools: [agentTool("t", "boss")] };
      expect((await faultsOf(closing))?.[0]?.message).toMatch(/checker -> boss -> researcher -> checker$/);
      const repeatable = { ...BOSS, tools: [{ ...agentTool("t", "researcher"), repeatable: true }] };
      expect((await faultsOf(repeatable))?.[0]?.path).toBe("config.tools.0.repeatable");
    });

    test("a version that would close a cycle is not promoted", async () => {
      const first = await pair.a.pushAgent({ name: "leaf", model: "demo/script" });
      await pair.a.pushAgent({ name: "stem", model: "demo/script" });
      const withStem = { name: "leaf", model: "demo/script", tools: [agentTool("t", "stem")] };
      const { versionId } = await pair.a.pushAgent(withStem);
      const promote = (id: string) => pair.a.call("POST", "/api/agents/leaf/promote", { versionId: id });
      expect((await promote(first.versionId)).status).toBe(200);
      await pair.a.pushAgent({ name: "stem", model: "demo/script", tools: [agentTool("t", "leaf")] });
      expectProblem(await promote(versionId), 422, "invalid_agent_config");
    });

    test("nobody from outside answers the call of a child", async () => {
      const runId = await start(delegate("research", [{ wait: 400 }, { say: "lemons" }]));
      const child = await childOf(runId);
      const body = { callId: child.id, result: "forged" };
      expectProblem(await pair.b.call("POST", `/api/runs/${runId}/tool-results`, body), 409, "result_conflict");
      expect((await pair.b.waitForEnd(runId)).output).toBe("It says: lemons");
    });
  });
});
