import { createClient } from "@hsafa/client";
import { EMPTY_THREAD_VIEW, followThread, messagesOf, type ThreadView } from "@hsafa/client/view";
import type { Page, StartedRun, ThreadMessage } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectProblem } from "../support/expect-problem.ts";
import { GATEWAY_PAIRS, type GatewayPair } from "../support/gateway-pairs.ts";

/** It asks a person, and then repeats what was said last. */
const CLERK = {
  name: "clerk",
  model: "demo/script",
  tools: [{ name: "ask", target: "external" as const, inputSchema: { type: "object" } }],
  settings: { providerOptions: { demo: { script: [[{ call: "ask" }], [{ say: "heard: {{user}}" }]] } } },
};

describe.each(GATEWAY_PAIRS)("policies of starts %s", (_name, open, isSkipped) => {
  describe.skipIf(isSkipped)("on one thread", () => {
    let pair: GatewayPair;
    beforeAll(async () => {
      pair = await open();
      await pair.a.pushAgent(CLERK);
    });
    afterAll(() => pair.close());

    const say = (threadId: string, input: string, more: object = {}, options: object = {}) =>
      pair.b.call<Pick<StartedRun, "runId">>(
        "POST",
        "/api/runs",
        { agent: "clerk", input, threadId, ...more },
        options,
      );

    /** Starts a run that waits for a person, and returns it with the call. */
    async function waiting(
      threadId: string,
    ): Promise<{ readonly runId: string; readonly answer: () => Promise<void> }> {
      const { runId } = await pair.a.startRun({ agent: "clerk", input: "first", threadId });
      await pair.a.waitForRun(runId, ({ status }) => status === "waiting_tool");
      return { runId, answer: () => answerCall(runId) };
    }

    /** Gives a result for the call that waits for one. */
    async function answerCall(runId: string): Promise<void> {
      const call = (await pair.a.toolCalls(runId)).find(({ status }) => status === "dispatched");
      const body = { callId: call?.id ?? "", result: "yes" };
      expect((await pair.b.call("POST", `/api/runs/${runId}/tool-results`, body)).status).toBe(202);
    }

    async function said(threadId: string): Promise<unknown[]> {
      const page = await pair.a.call<Page<ThreadMessage>>("GET", `/api/threads/${threadId}/messages`);
      return page.body.data.flatMap(({ message }) => (message.role === "user" ? [message.content] : []));
    }

    test("reject: 409 with the id of the run that is active, and nothing is kept of the message", async () => {
      const { runId, answer } = await waiting("reject");
      const refused = await say("reject", "second", { policy: "reject" });
      expectProblem(refused, 409, "thread_busy");
      expect(refused.body.runId).toBe(runId);
      await answer();
      await pair.a.waitForEnd(runId);
      expect((await say("reject", "third", { policy: "reject" })).status).toBe(202);
      expect(await said("reject")).not.toContain("second");
    });

    test("interrupt: the active run and the one that waits end as canceled, and the new one is next", async () => {
      const { runId } = await waiting("interrupt");
      const queued = await say("interrupt", "second");
      const begun = await say("interrupt", "third", { policy: "interrupt" });
      const reason = `interrupted by the run ${begun.body.runId}`;
      for (const id of [runId, queued.body.runId]) {
        const run = await pair.a.waitForEnd(id);
        expect(run.status).toBe("canceled");
        const events = await pair.a.call<Page<{ type: string; data: object }>>(
          "GET",
          `/api/runs/${id}/events?facts=true`,
        );
        expect(events.body.data.at(-1)).toMatchObject({ type: "run.canceled", data: { reason } });
      }
      await pair.a.waitForRun(begun.body.runId, ({ status }) => status === "waiting_tool");
    });

    test("the policy of its agent counts for a start that names none, also of a user who may only start runs", async () => {
      await pair.a.pushAgent({ ...CLERK, name: "attentive", policy: "steer" });
      const more = { agent: "attentive" };
      const { runId } = await pair.a.startRun({ ...more, input: "first", threadId: "default", subject: "ada" });
      await pair.a.waitForRun(runId, ({ status }) => status === "waiting_tool");
      const made = { subject: "ada", agents: ["attentive"], scopes: ["runs:start"] };
      const { body } = await pair.a.call<{ token: string }>("POST", "/api/tokens", made);
      const steering = await say("default", "rather that", more, { credential: body.token });
      expect(await pair.a.waitForEnd(steering.body.runId)).toMatchObject({ status: "merged", mergedInto: runId });
      // What a start names goes before it, and what cannot enter another run waits.
      expectProblem(await say("default", "no", { ...more, policy: "reject", subject: "ada" }), 409, "thread_busy");
      for (const own of [{ policy: "queue" }, { instructions: "Be brief." }]) {
        const waits = await say("default", "later", { ...more, ...own, subject: "ada" });
        expect(waits.status).toBe(202);
        const run = await pair.a.waitForRun(waits.body.runId, () => true);
        expect(run.status).toBe("queued");
      }
      const unknown = { name: "attentive", config: { ...CLERK, name: "attentive", policy: "shout" } };
      expectProblem(await pair.a.call("POST", "/api/agents", unknown), 422, "invalid_agent_config");
    });

    test("steer: the message is before the model at its next step, the thread shows it once, and a repeat is the same run", async () => {
      const { runId, answer } = await waiting("steer");
      const key = { headers: { "idempotency-key": "steer-once" } };
      const steering = await say("steer", "rather that", { policy: "steer" }, key);
      const merged = await pair.a.waitForEnd(steering.body.runId);
      expect(merged).toMatchObject({ status: "merged", mergedInto: runId, output: null });
      const again = await say("steer", "rather that", { policy: "steer" }, key);
      expect(again.body).toMatchObject({ runId: steering.body.runId, status: "merged" });
      await answer();
      // The script begins again with each message, so it asks for another call: it has heard the new one.
      await pair.a.waitForRun(runId, ({ status, steps }) => status === "waiting_tool" && steps === 2);
      await answer();
      expect(await pair.a.waitForEnd(runId)).toMatchObject({ status: "completed", output: "heard: rather that" });
      expect(await said("steer")).toEqual(["first", "rather that"]);
      // A watcher of the run that was merged is told where its message went.
      const stream = await pair.b.call<Page<{ type: string; data: object }>>(
        "GET",
        `/api/runs/${steering.body.runId}/events`,
      );
      expect(stream.body.data.at(-1)).toMatchObject({ type: "run.merged", data: { into: runId } });
      const client = createClient({ url: pair.a.url, token: pair.a.apiKey });
      let view: ThreadView = EMPTY_THREAD_VIEW;
      for await (view of followThread(client, "steer")) if (view.runs.every(({ usage }) => usage !== null)) break;
      expect(messagesOf(view).flatMap((message) => (message.role === "user" ? [message.content] : []))).toEqual([
        "first",
        "rather that",
      ]);
    });

    test("steer: a run that is canceled before it could take the message leaves it to the next run", async () => {
      const { runId } = await waiting("steer-late");
      const other = { agent: "clerk", input: "x", threadId: "steer-late" };
      // A second run waits, so that the third cannot be the active one.
      await pair.a.call("POST", `/api/runs/${runId}/cancel`, {});
      await pair.a.waitForEnd(runId);
      const steering = await pair.b.call<StartedRun>("POST", "/api/runs", { ...other, policy: "steer" });
      const run = await pair.a.waitForRun(steering.body.runId, ({ status }) => status === "waiting_tool");
      expect(run.mergedInto).toBeNull();
    });

    test("what says nothing, and what the credential may not do, is refused at the door", async () => {
      const start = { agent: "clerk", input: "x" };
      expectProblem(await pair.a.call("POST", "/api/runs", { ...start, policy: "steer" }), 400, "invalid_request");
      expectProblem(await say("door", "x", { policy: "shout" }), 400, "invalid_request");
      const earlier = [
        { role: "assistant", content: "before" },
        { role: "user", content: "now" },
      ];
      expectProblem(
        await pair.a.call("POST", "/api/runs", { ...start, input: earlier, threadId: "door", policy: "steer" }),
        400,
        "invalid_request",
      );
      const made = await pair.a.call<{ token: string }>("POST", "/api/tokens", {
        scopes: ["runs:start"],
        agents: ["clerk"],
      });
      const credential = made.body.token;
      for (const policy of ["interrupt", "steer"])
        expectProblem(await say("door", "x", { policy }, { credential }), 403, "forbidden");
      expect((await say("door", "x", { policy: "reject" }, { credential })).status).toBe(202);
    });
  });
});
