import type { Run, RunEvent, Thread, ThreadMessage } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectProblem } from "../support/expect-problem.ts";
import { GATEWAY_PAIRS, type GatewayPair } from "../support/gateway-pairs.ts";

/** Looks something up, which counts, asks a person, and reports. */
const SCRIPT = [
  [{ say: "Let me look." }, { call: "lookup", args: { what: "tea" } }],
  [{ call: "ask", args: { text: "Sure?" } }],
  [{ say: "It says: {{result}}" }],
];
const INPUT = `demo: ${JSON.stringify(SCRIPT)}`;
const schema = { type: "object", properties: { what: { type: "string" } } };
const tools = [
  { name: "lookup", server: { type: "function" as const }, inputSchema: schema },
  { name: "ask", target: "external" as const, inputSchema: { type: "object" } },
];

describe.each(GATEWAY_PAIRS)("forks of runs, %s", (_name, openPair, isSkipped) => {
  describe.skipIf(isSkipped)("from a fact", () => {
    let pair: GatewayPair;
    let looked = 0;
    const lookup = async (): Promise<string> => `look ${(looked += 1)}`;
    beforeAll(async () => {
      pair = await openPair({ functions: { lookup } });
      await pair.a.pushAgent({ name: "forked", model: "demo/script", tools });
      await pair.a.pushAgent({ name: "echo", model: "demo/echo" });
    });
    afterAll(() => pair.close());

    const fork = (runId: string, body: object, options: object = {}) =>
      pair.b.call<{ runId: string }>("POST", `/api/runs/${runId}/fork`, body, options);
    const forked = async (runId: string, body: object): Promise<string> => {
      const answer = await fork(runId, body);
      expect(answer).toMatchObject({ status: 202, body: { status: "queued" } });
      return answer.body.runId;
    };
    const positionOf = (events: readonly RunEvent[], type: string, nth = 0): string =>
      events.filter((event) => event.type === type)[nth]?.id ?? "none";
    const typesOf = (events: readonly RunEvent[]): string => events.map(({ type }) => type).join(" ");
    const answer = async (runId: string, result: string): Promise<void> => {
      await pair.a.waitForRun(runId, ({ status }) => status === "waiting_tool");
      const open = (await pair.a.toolCalls(runId)).find(({ status }) => status === "dispatched");
      await pair.b.call("POST", `/api/runs/${runId}/tool-results`, { callId: open?.id, result });
    };
    /** A run of `forked` that has ended, and its facts. */
    const played = async (more: object = {}): Promise<{ runId: string; events: readonly RunEvent[] }> => {
      const { runId } = await pair.a.startRun({ agent: "forked", input: INPUT, ...more });
      await answer(runId, "yes");
      await pair.a.waitForEnd(runId);
      return { runId, events: await pair.a.events(runId) };
    };

    test("results up to the position are reused and named, and no side effect happens again", async () => {
      const { runId, events } = await played();
      const before = looked;
      const position = positionOf(events, "tool.completed");
      const reusing = await forked(runId, { position });
      await answer(reusing, "no");
      const run = await pair.a.waitForEnd(reusing);
      expect(run).toMatchObject({ status: "completed", output: "It says: no", forkedFrom: { runId, position } });
      expect(looked).toBe(before);
      const facts = await pair.a.events(reusing);
      expect(typesOf(facts)).toMatch(
        /^run\.created message\.user step\.reused tool\.reused run\.started step\.started /,
      );
      const [callId] = (await pair.a.toolCalls(runId)).map(({ id }) => id);
      expect(facts[3]?.data).toEqual({ callId, toolName: "lookup", result: `look ${before}` });
      expect(facts[0]?.data).toMatchObject({ forkedFrom: { runId, position } });
      // Its own calls alone: it has executed no other.
      expect((await pair.a.toolCalls(reusing)).map(({ toolName }) => toolName)).toEqual(["ask"]);
      const listed = await pair.a.call<{ data: Run[] }>("GET", `/api/runs?forkedFrom=${runId}`);
      expect(listed.body.data.map(({ id, forkedFrom }) => ({ id, forkedFrom }))).toEqual([
        { id: reusing, forkedFrom: { runId, position } },
      ]);
      expect(await pair.a.events(runId)).toEqual(events);
    });

    test("a call is executed again if the fork asks for it, once, and with an id of its own", async () => {
      const { runId, events } = await played();
      const before = looked;
      const [old] = await pair.a.toolCalls(runId);
      const position = positionOf(events, "tool.completed");
      const again = await forked(runId, { position, rerun: [old?.id] });
      await answer(again, "again");
      await pair.a.waitForEnd(again);
      expect(looked).toBe(before + 1);
      const [call] = await pair.a.toolCalls(again);
      expect(call).toMatchObject({ toolName: "lookup", args: { what: "tea" }, result: `look ${before + 1}`, step: 1 });
      expect(call?.id).not.toBe(old?.id);
      const reused = (await pair.a.events(again)).find(({ type }) => type === "step.reused");
      expect(reused?.data).toMatchObject({ reruns: [{ callId: call?.id, of: old?.id, toolName: "lookup" }] });
      const stranger = await fork(runId, { position: events.at(-1)?.id, rerun: [old?.id] });
      expectProblem(stranger, 400, "invalid_request");
    });

    test("a call without a result there is not sent again unasked, whoever has it since", async () => {
      const { runId } = await pair.a.startRun({ agent: "forked", input: INPUT });
      await pair.a.waitForRun(runId, ({ status }) => status === "waiting_tool");
      const events = await pair.a.events(runId);
      const asked = positionOf(events, "tool.requested", 1);
      const unasked = await pair.a.waitForEnd(await forked(runId, { position: asked }));
      expect(unasked.output).toMatch(/^It says: not_repeated: There was no result of this call/);
      const call = (await pair.a.toolCalls(runId)).find(({ toolName }) => toolName === "ask");
      // The facts of one commit belong together: the position of the step itself has its call as well.
      const step = positionOf(events, "step.completed", 1);
      const asks = await forked(runId, { position: step, rerun: [call?.id] });
      await answer(asks, "asked twice");
      expect((await pair.a.waitForEnd(asks)).output).toBe("It says: asked twice");
      await answer(runId, "the first");
      expect((await pair.a.waitForEnd(runId)).output).toBe("It says: the first");
    });

    test("an edited message takes the place of the one at the position, and another version answers it", async () => {
      const { runId, events } = await played();
      const said = positionOf(events, "message.user");
      const edited = await pair.a.waitForEnd(
        await forked(runId, { position: said, input: 'demo: [[{ "say": "new" }]]' }),
      );
      expect(edited.output).toBe("new");
      const script = { providerOptions: { demo: { script: [[{ say: "of another version" }]] } } };
      const pushed = await pair.a.call<{ versionId: string }>("POST", "/api/agents", {
        name: "forked",
        config: { name: "forked", model: "demo/script", settings: script, tools },
        promote: false,
      });
      const { versionId } = pushed.body;
      const other = await pair.a.waitForEnd(await forked(runId, { position: said, versionId }));
      expect(other).toMatchObject({ output: "of another version", versionId });
      const echo = await pair.a.waitForEnd(await forked(runId, { position: said, agent: "echo", input: "hello" }));
      expect(echo).toMatchObject({ output: "hello", agentName: "echo" });
      const next = { position: events.at(-1)?.id, input: 'demo: [[{ "say": "and then" }]]' };
      const more = await pair.a.waitForEnd(await forked(runId, next));
      expect(more).toMatchObject({ output: "and then", steps: 4 });
    });

    test("a fork of a run in a conversation has one of its own, and the conversation stays as it is", async () => {
      const first = await pair.a.startRun({ agent: "echo", input: "one", threadId: "talk" });
      await pair.a.waitForEnd(first.runId);
      const second = await pair.a.startRun({ agent: "echo", input: "two", threadId: "talk" });
      await pair.a.waitForEnd(second.runId);
      const position = positionOf(await pair.a.events(second.runId), "message.user");
      const run = await pair.a.waitForEnd(await forked(second.runId, { position, input: "another two" }));
      const textsOf = async (thread: string): Promise<unknown[]> => {
        const { body } = await pair.b.call<{ data: ThreadMessage[] }>("GET", `/api/threads/${thread}/messages`);
        return body.data.map(({ message }) => (typeof message.content === "string" ? message.content : message.role));
      };
      expect(await textsOf(run.threadId ?? "")).toEqual(["one", "assistant", "another two", "assistant"]);
      expect(await textsOf("talk")).toEqual(["one", "assistant", "two", "assistant"]);
      const { body: thread } = await pair.b.call<Thread>("GET", `/api/threads/${run.threadId}`);
      expect(thread).toMatchObject({ branchedFrom: { runId: second.runId }, key: null });
      // A fork of the fork sees both.
      const facts = await pair.a.events(run.id);
      const deeper = await forked(run.id, { position: facts.at(-1)?.id, input: "three" });
      const { threadId } = await pair.a.waitForEnd(deeper);
      expect(await textsOf(threadId ?? "")).toHaveLength(6);
      await pair.a.call("DELETE", "/api/threads/talk");
      expectProblem(await fork(second.runId, { position, input: "late" }), 404, "not_found");
    });

    test("a request that is sent again makes one fork, and another one under its key is refused", async () => {
      const { runId, events } = await played({ threadId: "once" });
      const body = { position: positionOf(events, "message.user") };
      const options = { headers: { "idempotency-key": "a fork" } };
      const all = await Promise.all(Array.from({ length: 8 }, () => fork(runId, body, options)));
      expect(new Set(all.map((one) => one.body.runId)).size).toBe(1);
      expectProblem(await fork(runId, { ...body, input: "other" }, options), 422, "idempotency_key_reused");
      const { body: listed } = await pair.a.call<{ data: Thread[] }>("GET", "/api/threads?limit=200");
      expect(listed.data.filter(({ branchedFrom }) => branchedFrom?.runId === runId)).toHaveLength(1);
      await answer(all[0]?.body.runId ?? "", "done");
    });

    test("a request that is sent again is answered as before, also if the run that it forks is gone by then", async () => {
      const { runId, events } = await played({ threadId: "gone" });
      const body = { position: positionOf(events, "tool.completed") };
      const options = { headers: { "idempotency-key": "a fork of what goes" } };
      const made = await fork(runId, body, options);
      await pair.a.call("DELETE", "/api/threads/gone");
      expectProblem(await fork(runId, body), 404, "not_found");
      expect(await fork(runId, body, options)).toMatchObject({ status: 202, body: { runId: made.body.runId } });
      expectProblem(await fork(runId, { ...body, input: "other" }, options), 422, "idempotency_key_reused");
      await answer(made.body.runId, "done");
    });

    test("what is no fact of the run, and what leaves nothing to ask, is refused at the door", async () => {
      const { runId, events } = await played();
      const refusal = async (body: object, code = "invalid_position", status = 400): Promise<string> => {
        const refused = await fork(runId, body);
        expectProblem(refused, status, code);
        return (refused.body as unknown as { detail: string }).detail;
      };
      const last = events.at(-1)?.id ?? "";
      expect(await refusal({ position: "2-1" })).toContain("2-1 is none");
      expect(await refusal({ position: "0-0" })).toContain("0-0 is none");
      expect(await refusal({ position: "999-0" })).toContain(`stands at ${last}`);
      expect(await refusal({ position: positionOf(events, "step.started", 1) })).toContain("inside a step");
      expect(await refusal({ position: last })).toContain("nothing to answer");
      expect(await refusal({ position: "1-0" })).toContain("nothing to answer");
      await refusal({ position: "nowhere" }, "invalid_request");
      await refusal({ position: last, input: "x", agent: "nobody" }, "not_found", 404);
      await refusal({ position: last, input: "x", versionId: runId }, "not_found", 404);
      await refusal({ position: last, input: "x", limits: { maxSteps: 1000 } }, "invalid_request");
    });

    test("a user forks their own runs, with their own agents, and no more than a start gives them", async () => {
      const token = async (body: object): Promise<string> =>
        (
          await pair.a.call<{ token: string }>("POST", "/api/tokens", {
            scopes: ["runs:write"],
            agents: ["echo"],
            ...body,
          })
        ).body.token;
      const [ann, bob] = [await token({ subject: "ann" }), await token({ subject: "bob" })];
      const start = { agent: "echo", input: "mine", threadId: "mine" };
      const { runId } = (await pair.a.call<{ runId: string }>("POST", "/api/runs", start, { credential: ann })).body;
      await pair.a.waitForEnd(runId);
      const body = { position: "2-0", input: "changed" };
      expectProblem(await fork(runId, body, { credential: bob }), 404, "not_found");
      const mine = await fork(runId, body, { credential: ann });
      expect(await pair.a.waitForEnd(mine.body.runId)).toMatchObject({ output: "changed", subject: "ann" });
      expectProblem(await fork(runId, { ...body, agent: "forked" }, { credential: ann }), 404, "not_found");
      const { versionId } = await pair.a.waitForEnd(runId);
      expectProblem(await fork(runId, { ...body, versionId }, { credential: ann }), 403, "forbidden");
      const bound = await token({ subject: "ann", runId });
      expectProblem(await fork(runId, body, { credential: bound }), 403, "forbidden");
      const reader = await token({ subject: "ann", scopes: ["runs:read"] });
      expectProblem(await fork(runId, body, { credential: reader }), 403, "forbidden");
      const operators = await pair.a.waitForEnd(await forked(runId, { ...body, input: "by the operator" }));
      expect(operators.subject).toBe("ann");
    });

    test("what a start told the agent comes along, so that no user forks it away", async () => {
      const told = {
        instructions: 'demo: [[{ "say": "as told" }], [{ "say": "as told" }]]',
        tools: ["lookup"],
        limits: { tokens: 50_000 },
      };
      const { runId } = await pair.a.startRun({ agent: "forked", input: "go", subject: "cleo", ...told });
      await pair.a.waitForEnd(runId);
      const body = { scopes: ["runs:write"], agents: ["forked"], subject: "cleo" };
      const { token } = (await pair.a.call<{ token: string }>("POST", "/api/tokens", body)).body;
      const asked = { position: "2-0", input: "again", limits: { tokens: 90_000 } };
      const run = await pair.a.waitForEnd((await fork(runId, asked, { credential: token })).body.runId);
      expect(run).toMatchObject({ output: "as told", limits: { tokens: 50_000 } });
      const [created] = await pair.a.events(run.id);
      expect(created?.data).toMatchObject(told);
    });
  });
});
