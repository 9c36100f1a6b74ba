import { afterEach, beforeEach, expect, test } from "vitest";
import { SERVER_TOOL_ATTEMPTS_MAX } from "../../src/core/limits.ts";
import type { ServerTools } from "../../src/ports/server-tools.ts";
import { EngineWorld, externalTool, functionTool } from "../support/engine-world.ts";
import { HeldLiveLog } from "../support/fakes.ts";
import type { TenantId } from "../../src/core/tenant-id.ts";
import type { TenantLiveLog } from "../../src/ports/live-log.ts";
import { AN_ACTOR } from "../support/an-actor.ts";

const overloaded = { kind: "overloaded", message: "busy", retryAfterMs: null } as const;

let world: EngineWorld;
beforeEach(async () => {
  world = await EngineWorld.openInMemory();
});
afterEach(() => world.close());

test("a run parks for a call that others answer, holding no lease, and goes on with the answer", async () => {
  const gateway = world.gateway();
  const runId = await world.start({ tools: [externalTool("ask")] });
  const first = await world.model.next();
  const [callId = ""] = first.say("let me ask").finish({ toolName: "ask" });
  await world.reaches(runId, "waiting_tool");
  await world.until("the lease is returned", () => gateway.engine.runsHeld === 0);
  await world.answer(runId, callId, "42");
  const second = await world.model.next();
  expect(second.call.messages.at(-1)).toMatchObject({ role: "tool", content: [{ toolCallId: callId }] });
  second.say("it is 42").finish();
  await world.reaches(runId, "completed");
  await world.checkPublished(runId, gateway);
  expect(await world.types(runId)).toContain("run.resumed");
  // How long the model took until it said something is kept with the step.
  expect(await world.fact(runId, "step.completed")).toMatchObject({ firstPartMs: expect.any(Number) as number });
});

test("server tools are performed side by side: a slow one holds up no fast one, and none is performed twice", async () => {
  const done: string[] = [];
  const slow = Promise.withResolvers<null>();
  const gateway = world.gateway({
    functions: {
      fast: async () => void done.push("fast"),
      slow: async () => {
        await slow.promise;
        done.push("slow");
      },
    },
  });
  const runId = await world.start({ tools: [functionTool("fast"), functionTool("slow"), externalTool("ask")] });
  const [, asked = ""] = (await world.model.next()).finish(
    { toolName: "slow" },
    { toolName: "ask" },
    { toolName: "fast" },
  );
  await world.until("the fast tool's result is a fact", async () =>
    (await world.types(runId)).includes("tool.completed"),
  );
  await world.answer(runId, asked, "here");
  await world.until(
    "the answer is a fact too",
    async () => (await world.types(runId)).filter((type) => type === "tool.completed").length === 2,
  );
  expect(await world.status(runId)).toBe("running");
  slow.resolve(null);
  const second = await world.model.next();
  expect(second.call.messages.at(-1)?.content).toHaveLength(3);
  second.finish();
  await world.reaches(runId, "completed");
  expect(done).toEqual(["fast", "slow"]);
  await world.checkPublished(runId, gateway);
});

test("a server tool past its deadline is aborted, and the model is told that nobody knows what it did", async () => {
  let isAborted = false;
  world.gateway({
    functions: {
      hang: (_args, { signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            isAborted = true;
            reject(new Error("aborted"));
          });
        }),
    },
  });
  const runId = await world.start({ tools: [functionTool("hang", { timeoutMs: 50 })] });
  (await world.model.next()).finish({ toolName: "hang" });
  const second = await world.model.next();
  expect(JSON.stringify(second.call.messages.at(-1))).toContain("outcome_unknown: The call expired");
  expect(isAborted).toBe(true);
  second.finish();
  await world.reaches(runId, "completed");
});

test("a repeatable server tool whose answer is lost is performed again under the same key, and then it is unknown", async () => {
  const keys: string[] = [];
  const forgetful: ServerTools = {
    perform: ({ idempotencyKey, toolName }) => {
      keys.push(`${toolName} ${idempotencyKey}`);
      return Promise.resolve({ kind: "unknown", reason: "The answer was lost" });
    },
  };
  world.gateway({ serverTools: forgetful });
  const tools = [functionTool("safe", { repeatable: true }), functionTool("pay")];
  const runId = await world.start({ tools });
  (await world.model.next()).finish({ toolName: "safe" }, { toolName: "pay" });
  const told = JSON.stringify((await world.model.next()).call.messages.at(-1));
  expect(told.match(/outcome_unknown: The answer was lost/g)).toHaveLength(2);
  expect(keys.filter((key) => key.startsWith("pay"))).toHaveLength(1);
  const repeats = keys.filter((key) => key.startsWith("safe"));
  expect([repeats.length, new Set(repeats).size]).toEqual([SERVER_TOOL_ATTEMPTS_MAX, 1]);
  await world.cancel(runId);
  await world.reaches(runId, "canceled");
});

test("a server tool that ignores its abort holds up neither the run nor the gateway", async () => {
  const gateway = world.gateway({ functions: { deaf: () => new Promise(() => {}) } });
  const runId = await world.start({ tools: [functionTool("deaf", { timeoutMs: 50 })] });
  (await world.model.next()).finish({ toolName: "deaf" });
  (await world.model.next()).finish();
  await world.reaches(runId, "completed");
  await world.settles("the engine stops", gateway.engine.stop({ drainMs: 0 }));
});

test("the model is told of unknown tools and of arguments that do not fit, and may correct itself", async () => {
  world.gateway();
  const strict = { type: "object", properties: { n: { type: "number" } }, required: ["n"] };
  const runId = await world.start({ tools: [externalTool("ask", { inputSchema: strict })] });
  (await world.model.next()).finish(
    { toolName: "nothing" },
    { toolName: "ask", args: { n: "one" } },
    { toolName: "ask", args: "{", fault: "they are not valid JSON" },
  );
  const told = JSON.stringify((await world.model.next()).call.messages.at(-1));
  for (const words of ["unknown_tool", "The tools are: ask", "invalid_args", "valid JSON"])
    expect(told).toContain(words);
  await world.cancel(runId);
  await world.reaches(runId, "canceled");
});

test("a model that failed is asked again later, and meanwhile nobody holds the run", async () => {
  const gateway = world.gateway();
  const runId = await world.start();
  const first = await world.model.next();
  first.say("half a");
  first.fail(overloaded);
  await world.until("the failure is a fact", async () => (await world.types(runId)).includes("run.retrying"));
  await world.until("the lease is returned", () => gateway.engine.runsHeld === 0);
  expect(await world.status(runId)).toBe("queued");
  const second = await world.model.next();
  second.say("whole").finish();
  await world.reaches(runId, "completed");
  await world.checkPublished(runId, gateway);
  expect((await world.types(runId)).slice(4)).toEqual([
    "step.discarded",
    "run.retrying",
    "run.resumed",
    "step.started",
    "step.completed",
    "run.completed",
  ]);
});

test("a message that arrives while the last step ends keeps the run going", async () => {
  world.gateway();
  const runId = await world.start();
  const first = await world.model.next();
  await world.say(runId, "one more thing");
  first.say("done").finish();
  const second = await world.model.next();
  expect(second.call.messages.at(-1)).toEqual({ role: "user", content: "one more thing" });
  second.finish();
  await world.reaches(runId, "completed");
});

test("a run whose model would never end fails at maxSteps, and says why", async () => {
  world.gateway({ functions: { again: async () => "more" } });
  world.model.play = (call) => void call.finish({ toolName: "again" });
  const runId = await world.start({ maxSteps: 3, tools: [functionTool("again")] });
  await world.reaches(runId, "failed");
  expect(await world.fact(runId, "run.failed")).toMatchObject({ error: { code: "max_steps_reached" } });
  expect((await world.types(runId)).filter((type) => type === "step.completed")).toHaveLength(3);
});

test("a run on a thread is shown the messages of the earlier ones", async () => {
  world.gateway();
  const first = await world.start({}, "thread-1");
  (await world.model.next()).say("first answer").finish();
  await world.reaches(first, "completed");
  const second = await world.start({}, "thread-1");
  const call = await world.model.next();
  expect(call.call.messages.map((message) => message.content)).toEqual(["hi", "first answer", "hi"]);
  call.finish();
  await world.reaches(second, "completed");
});

test("an input that changes nothing is consumed, and the run is parked again and left alone", async () => {
  const gateway = world.gateway();
  const runId = await world.start({ tools: [externalTool("ask")] });
  const [callId = ""] = (await world.model.next()).finish({ toolName: "ask" });
  await world.reaches(runId, "waiting_tool");
  const before = await world.types(runId);
  const input = { kind: "dispatch_lost", callId, attempt: 1 } as const;
  await world.tenant.enqueueInput({ by: AN_ACTOR, runId, input, dedupe: null });
  const claims = () => gateway.fleet.said.filter((name) => name === "loadRun").length;
  const loaded = claims();
  world.bell.ring({ about: "run", runId });
  await world.until("a gateway looks at the run", () => claims() > loaded);
  await world.until("the run is let go", () => gateway.engine.runsHeld === 0);
  expect(await world.types(runId)).toEqual(before);
  expect(await world.status(runId)).toBe("waiting_tool");
  const again = claims();
  await world.time.pass(60_000);
  expect(claims()).toBe(again);
  await world.answer(runId, callId, "42");
  (await world.model.next()).finish();
  await world.reaches(runId, "completed");
});

test("while the live log is away the run goes on, and watchers are told what the store holds", async () => {
  const away = new HeldLiveLog();
  const forTenant = (tenantId: TenantId): TenantLiveLog => ({
    ...away.port.forTenant(tenantId),
    append: async () => ({ kind: "unavailable" }),
  });
  const gateway = world.gateway({ liveLog: { ...away.port, forTenant } });
  const runId = await world.start();
  const call = await world.model.next();
  call.say("one");
  await world.until("the delta is told as stored", () => gateway.stored.get(runId)?.at(-1) === "4-2");
  call.finish();
  await world.reaches(runId, "completed");
  await world.until("the end is told as stored", () => gateway.stored.get(runId)?.at(-1) === "6-0");
  // Facts are the store's own, so watchers here have them without the live log.
  expect(gateway.published.get(runId)?.filter(({ sub }) => sub > 0)).toEqual([]);
  await world.checkRecord(runId);
});
