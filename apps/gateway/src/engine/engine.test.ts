import { setTimeout as sleep } from "node:timers/promises";
import type { ToolConfig } from "@hsafa/protocol";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { EngineWorld } from "../../test/support/engine-world.ts";
import { HeldLiveLog } from "../../test/support/fakes.ts";
import { openPgliteStore } from "../adapters/postgres/open-pglite-store.ts";
import { until } from "../../test/support/until.ts";
import { systemClock } from "../adapters/system/system-clock.ts";
import { INPUTS_PER_DRAIN_MAX } from "../ports/limits.ts";
import { RECOVERIES_MAX } from "../core/limits.ts";
import { type Store, StoreUnavailable } from "../ports/store.ts";

let store: Store;
let world: EngineWorld;

beforeAll(async () => {
  store = await openPgliteStore({ dataDir: undefined });
});
afterAll(() => store.close());
beforeEach(async () => {
  world = await EngineWorld.open(store);
});
afterEach(() => world.close());

type Tool = Partial<ToolConfig> & { name: string };
const schema = { type: "object" };
const external = (name: string, more: Partial<Tool> = {}) => ({
  name,
  inputSchema: schema,
  target: "external" as const,
  ...more,
});
const server = (name: string, more: Partial<Tool> = {}) => ({
  name,
  inputSchema: schema,
  server: { type: "function" as const },
  ...more,
});
const overloaded = { kind: "overloaded", message: "busy", retryAfterMs: null } as const;

describe("a run", () => {
  test("from its start to its end: every delta is shown and stored, every fact names its predecessor", async () => {
    const gateway = world.gateway();
    const runId = await world.start();
    const call = await world.model.next();
    expect(call.call.messages).toEqual([{ role: "user", content: "hi" }]);
    call.think("well");
    for (let n = 0; n < 50; n++) {
      call.say(`${n} `);
      if (n % 10 === 0) await sleep(1);
    }
    call.finish();
    await world.reaches(runId, "completed");
    await world.checkPublished(runId, gateway);
    expect(await world.types(runId)).toEqual([
      "run.created",
      "message.user",
      "run.started",
      "step.started",
      "step.completed",
      "run.completed",
    ]);
    expect(await world.fact(runId, "run.completed")).toMatchObject({ usage: { inputTokens: 1, outputTokens: 2 } });
    expect(gateway.engine.runsHeld).toBe(0);
  });

  test("parks for a call that others answer, holding no lease, and goes on with the answer", async () => {
    const gateway = world.gateway();
    const runId = await world.start({ tools: [external("ask")] });
    const first = await world.model.next();
    const [callId = ""] = first.say("let me ask").finish({ toolName: "ask" });
    await world.reaches(runId, "waiting_tool");
    await until("the lease is given back", () => gateway.engine.runsHeld === 0);
    await world.answer(runId, callId, "42");
    const second = await world.model.next();
    expect(second.call.messages.at(-1)).toMatchObject({ role: "tool", content: [{ toolCallId: callId }] });
    second.say("it is 42").finish();
    await world.reaches(runId, "completed");
    await world.checkPublished(runId, gateway);
    expect(await world.types(runId)).toContain("run.resumed");
  });

  test("performs server tools side by side; a slow one holds up no fast one, and none is done twice", async () => {
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
    const runId = await world.start({ tools: [server("fast"), server("slow"), external("ask")] });
    const [, asked = ""] = (await world.model.next()).finish(
      { toolName: "slow" },
      { toolName: "ask" },
      { toolName: "fast" },
    );
    await until("the fast tool's result is a fact", async () => (await world.types(runId)).includes("tool.completed"));
    await world.answer(runId, asked, "here");
    await until(
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

  test("a server tool past its deadline is aborted and told to the model as expired", async () => {
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
    const runId = await world.start({ tools: [server("hang", { timeoutMs: 50 })] });
    (await world.model.next()).finish({ toolName: "hang" });
    const second = await world.model.next();
    expect(JSON.stringify(second.call.messages.at(-1))).toContain("expired");
    expect(isAborted).toBe(true);
    second.finish();
    await world.reaches(runId, "completed");
  });

  test("a server tool that ignores its abort holds up neither the run nor the gateway", async () => {
    const gateway = world.gateway({ functions: { deaf: () => new Promise(() => {}) } });
    const runId = await world.start({ tools: [server("deaf", { timeoutMs: 50 })] });
    (await world.model.next()).finish({ toolName: "deaf" });
    (await world.model.next()).finish();
    await world.reaches(runId, "completed");
    await gateway.engine.stop({ drainMs: 0 });
  });

  test("unknown tools and unfit arguments are told to the model, which may correct itself", async () => {
    world.gateway();
    const strict = { type: "object", properties: { n: { type: "number" } }, required: ["n"] };
    const runId = await world.start({ tools: [external("ask", { inputSchema: strict })] });
    (await world.model.next()).finish(
      { toolName: "nothing" },
      { toolName: "ask", args: { n: "one" } },
      { toolName: "ask", args: "{", unparsable: true },
    );
    const told = JSON.stringify((await world.model.next()).call.messages.at(-1));
    for (const words of ["unknown_tool", "The tools are: ask", "invalid_args", "valid JSON"])
      expect(told).toContain(words);
    await world.cancel(runId);
    await world.reaches(runId, "canceled");
  });

  test("a failing model is asked again later; meanwhile nobody holds the run", async () => {
    const gateway = world.gateway();
    const runId = await world.start();
    const first = await world.model.next();
    first.say("half a");
    first.fail(overloaded);
    await until("the failure is a fact", async () => (await world.types(runId)).includes("run.retrying"));
    await until("the lease is given back", () => gateway.engine.runsHeld === 0);
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

  test("stops at maxSteps with a reason, when the model would never end", async () => {
    world.gateway({ functions: { again: async () => "more" } });
    world.model.play = (call) => void call.finish({ toolName: "again" });
    const runId = await world.start({ maxSteps: 3, tools: [server("again")] });
    await world.reaches(runId, "failed");
    expect(await world.fact(runId, "run.failed")).toMatchObject({ error: { code: "max_steps_reached" } });
    expect((await world.types(runId)).filter((type) => type === "step.completed")).toHaveLength(3);
  });

  test("a run on a thread is shown the earlier ones' messages", async () => {
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
});

describe("cancel", () => {
  test("in the middle of a step: the model call is aborted and what it said is kept as partial", async () => {
    const gateway = world.gateway();
    const runId = await world.start();
    const call = await world.model.next();
    call.say("half ", "an ", "answer");
    await world.cancel(runId);
    await world.reaches(runId, "canceled");
    expect(call.signal.aborted).toBe(true);
    expect(await world.fact(runId, "step.discarded")).toEqual({ step: 1, reason: "cancel", partial: "half an answer" });
    await world.checkPublished(runId, gateway);
  });

  test("in the middle of a step, though the ring was lost: a renewal tells", async () => {
    world.gateway({ leaseDurationMs: 600 });
    const runId = await world.start();
    await world.model.next();
    await world.tenant.enqueueInput({
      runId,
      input: { kind: "cancel", reason: null },
      dedupe: { key: "cancel", bodyHash: "" },
    });
    await world.reaches(runId, "canceled");
  });

  test("in the middle of a step, behind more messages than one read gives", async () => {
    world.gateway();
    const runId = await world.start();
    const call = await world.model.next();
    for (let n = 0; n < INPUTS_PER_DRAIN_MAX + 5; n++) await world.say(runId, String(n));
    await world.cancel(runId);
    await world.reaches(runId, "canceled");
    expect(call.signal.aborted).toBe(true);
    expect(await world.types(runId)).not.toContain("step.completed");
    expect(await world.waiting(runId)).toEqual({ count: 0, inputs: [] });
  });

  test("while parked, and while waiting to try the model again", async () => {
    world.gateway();
    const parked = await world.start({ tools: [external("ask")] });
    (await world.model.next()).finish({ toolName: "ask" });
    await world.reaches(parked, "waiting_tool");
    await world.cancel(parked);
    await world.reaches(parked, "canceled");
    expect(await world.types(parked)).toContain("tool.failed");

    const retrying = await world.start();
    (await world.model.next()).fail({ kind: "overloaded", message: "busy", retryAfterMs: 60_000 });
    await until("the failure is a fact", async () => (await world.types(retrying)).includes("run.retrying"));
    await world.cancel(retrying);
    await world.reaches(retrying, "canceled");
  });

  test("while a server tool runs: the tool is aborted", async () => {
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
    const runId = await world.start({ tools: [server("hang")] });
    (await world.model.next()).finish({ toolName: "hang" });
    await until("the tool runs", async () => (await world.types(runId)).includes("tool.dispatched"));
    await world.cancel(runId);
    await world.reaches(runId, "canceled");
    await until("the tool is aborted", () => isAborted);
  });
});

describe("a holder that is lost", () => {
  test("another goes on from the last fact: the step in progress is made again, finished ones are not", async () => {
    const first = world.gateway({ leaseDurationMs: 400, functions: { look: async () => "seen" } });
    const runId = await world.start({ tools: [server("look")] });
    (await world.model.next()).say("step one").finish({ toolName: "look" });
    const cut = await world.model.next();
    cut.say("never ", "finished");
    // It dies: nothing of it reaches the store any more, and its lease is not handed back.
    first.fleet.isAway = true;
    const second = world.gateway({ leaseDurationMs: 400, functions: { look: async () => "seen" } });
    const again = await world.model.next();
    expect(again.call.messages).toEqual(cut.call.messages);
    expect(cut.signal.aborted).toBe(true);
    again.say("finished").finish();
    await world.reaches(runId, "completed");
    const types = await world.types(runId);
    expect(types.filter((type) => type === "run.recovered")).toHaveLength(1);
    expect(types.filter((type) => type === "step.completed")).toHaveLength(2);
    expect(types.filter((type) => type === "tool.completed")).toHaveLength(1);
    await world.checkPublished(runId, second);
  });

  test("a zombie that wakes up while another has its run writes nothing that counts", async () => {
    const zombie = world.gateway({ leaseDurationMs: 400 });
    const runId = await world.start();
    const cut = await world.model.next();
    cut.say("before the freeze");
    const freeze = Promise.withResolvers<void>();
    zombie.fleet.gate = freeze.promise;
    const other = world.gateway({ leaseDurationMs: 400 });
    const again = await world.model.next();
    const shown = zombie.published.get(runId)?.length;
    cut.say("after the freeze");
    cut.finish();
    freeze.resolve();
    again.say("the real answer").finish();
    await world.reaches(runId, "completed");
    await until("the zombie has let go", () => zombie.engine.runsHeld === 0);
    expect(zombie.published.get(runId)).toHaveLength(shown ?? 0);
    expect(JSON.stringify(await world.checkRecord(runId))).not.toContain("after the freeze");
    expect(await world.fact(runId, "run.completed")).toMatchObject({ output: "the real answer" });
    expect(other.log.errors).toEqual([]);
  });

  test("a holder that once was too late to publish gives up, rather than go on with a hole in the record", async () => {
    let behindMs = 0;
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + behindMs };
    const gateway = world.gateway({ clock });
    const runId = await world.start();
    const call = await world.model.next();
    call.say("before ");
    await until("the first words are shown", () => gateway.published.get(runId)?.at(-1)?.sub === 2);
    // The process was stopped for longer than the lease is good; the model's words arrive before any timer does, and
    // then a renewal, late.
    behindMs = 5500;
    call.say("while the lease was stale ");
    behindMs = 0;
    call.say("after").finish();
    const again = await world.model.next();
    expect(call.signal.aborted).toBe(true);
    again.say("whole").finish();
    await world.reaches(runId, "completed");
    await world.checkRecord(runId);
    expect(await world.types(runId)).not.toContain("run.recovered");
    expect(gateway.log.errors).toEqual([]);
  });

  test("a holder whose lease was over for a moment while it read a thread's history begins the step again, rather than hold the run for ever", async () => {
    let behindMs = 0;
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + behindMs };
    await world.start({}, "thread-1");
    const gateway = world.gateway({ clock });
    (await world.model.next()).say("earlier").finish();
    gateway.fleet.before = async (name) => {
      if (name !== "loadFacts") return;
      gateway.fleet.before = async () => {};
      behindMs = 5500;
      // A renewal that was sent in time is answered before any timer tells that it was nearly too late.
      setImmediate(() => (behindMs = 0));
      throw new StoreUnavailable("the test says so");
    };
    const runId = await world.start({}, "thread-1");
    (await world.model.next()).say("later").finish();
    await world.reaches(runId, "completed");
    expect(gateway.log.errors).toEqual([]);
  });

  test("nothing is begun by a holder whose lease was over when it heard that it may: a tool is left to the next", async () => {
    let behindMs = 0;
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + behindMs };
    const executions: string[] = [];
    const tool = async (by: string) => executions.push(by);
    const zombie = world.gateway({ clock, functions: { pay: () => tool("the zombie") } });
    zombie.fleet.before = async (name) => {
      // The process is stopped for longer than the lease while this is on its way.
      if (name === "commit" && call !== null) behindMs = 5500;
    };
    let call: Awaited<ReturnType<typeof world.model.next>> | null = null;
    const runId = await world.start({ tools: [server("pay", { repeatable: true })] });
    call = await world.model.next();
    call.finish({ toolName: "pay" });
    (await world.model.next()).say("paid").finish();
    await world.reaches(runId, "completed");
    expect(await world.fact(runId, "tool.completed")).toMatchObject({ toolName: "pay" });
    expect((await world.types(runId)).filter((type) => type === "tool.dispatched")).toHaveLength(2);
    expect(executions).toHaveLength(1);
  });

  test("a run that keeps killing its gateways fails in the end, and its events are not loaded for that", async () => {
    const runId = await world.start();
    await world.losesGateways([runId], RECOVERIES_MAX + 1);
    const gateway = world.gateway();
    await world.reaches(runId, "failed");
    expect(await world.fact(runId, "run.failed")).toMatchObject({ error: { code: "recovery_exhausted" } });
    expect(gateway.fleet.said).not.toContain("loadRun");
    await world.checkRecord(runId);
  });

  test("a run that kills its gateways takes no other down: of those lost beside it each gets its last chance by itself", async () => {
    const runIds = [await world.start(), await world.start()];
    await world.losesGateways(runIds, RECOVERIES_MAX);
    const gateway = world.gateway();
    const first = await world.model.next();
    // A poll later the other one is due still, and is not taken.
    const { said } = gateway.fleet;
    const claims = said.filter((name) => name === "claimRuns").length;
    await until("it has looked again", () => said.filter((name) => name === "claimRuns").length > claims + 1);
    expect(gateway.engine.runsHeld).toBe(1);
    first.say("survived").finish();
    (await world.model.next()).say("survived too").finish();
    for (const runId of runIds) await world.reaches(runId, "completed");
  });

  test("a run that is given up consumes what waits for it: a message, a tool's result and a cancel", async () => {
    const first = world.gateway();
    const runId = await world.start({ tools: [external("ask")] });
    const [callId = ""] = (await world.model.next()).finish({ toolName: "ask" });
    await world.reaches(runId, "waiting_tool");
    await first.engine.stop({ drainMs: 0 });
    await world.say(runId, "still there?");
    await world.answer(runId, callId, "42");
    await world.cancel(runId);
    await world.losesGateways([runId], RECOVERIES_MAX + 1);
    world.gateway();
    await world.reaches(runId, "failed");
    expect(await world.fact(runId, "run.failed")).toMatchObject({ error: { code: "recovery_exhausted" } });
    expect(await world.fact(runId, "tool.failed")).toMatchObject({ callId });
    expect(await world.waiting(runId)).toEqual({ count: 0, inputs: [] });
    await world.checkRecord(runId);
  });

  test("an input that is accepted while its run is given up is consumed too", async () => {
    const runId = await world.start();
    await world.losesGateways([runId], RECOVERIES_MAX + 1);
    const gateway = world.gateway();
    gateway.fleet.before = async (name) => {
      if (name !== "commit") return;
      gateway.fleet.before = async () => {};
      await world.say(runId, "at the last moment");
    };
    await world.reaches(runId, "failed");
    expect(gateway.fleet.said.filter((name) => name === "commit")).toHaveLength(2);
    expect(await world.waiting(runId)).toEqual({ count: 0, inputs: [] });
  });

  test("a bug that a run meets is logged, and does not spin", async () => {
    const gateway = world.gateway({ leaseDurationMs: 300 });
    world.model.play = () => {
      throw new Error("a bug in the model's adapter");
    };
    const runId = await world.start();
    await world.reaches(runId, "failed", 10_000);
    expect(await world.fact(runId, "run.failed")).toMatchObject({ error: { code: "recovery_exhausted" } });
    expect(gateway.log.errors.length).toBeGreaterThanOrEqual(4);
    expect(gateway.log.errors.length).toBeLessThan(10);
    gateway.log.errors.length = 0;
  });
});

describe("many at once", () => {
  test("two engines and fifty runs: each run advanced by one at a time, every fact once", async () => {
    const gateways = [world.gateway(), world.gateway()];
    world.model.play = (call) => {
      if (call.call.messages.length > 1) call.say("done").finish();
      else call.say("one ", "two ").finish({ toolName: "look" });
    };
    for (const { engine } of gateways) expect(engine.runsHeld).toBe(0);
    const runs: string[] = [];
    for (let n = 0; n < 50; n++) runs.push(await world.start({ tools: [external("look")] }));
    await Promise.all(
      runs.map(async (runId) => {
        await world.reaches(runId, "waiting_tool");
        const { callId } = (await world.fact(runId, "tool.requested")) as { callId: string };
        await world.answer(runId, callId, "seen");
        await world.reaches(runId, "completed");
        const types = await world.types(runId);
        expect(types.filter((type) => type === "step.completed")).toHaveLength(2);
        await world.checkRecord(runId);
      }),
    );
  });
});

describe("inputs that race", () => {
  test("ends and hundreds of messages: none is accepted and then unseen", async () => {
    world.gateway();
    world.gateway();
    // Ends as soon as it can, so that every message races an end.
    world.model.play = (call) => void call.say("so").finish();
    const counts = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const runId = await world.start({ maxSteps: 200 });
        let accepted = 0;
        const input = { kind: "message", message: { role: "user", content: "and?" } } as const;
        for (let sent = 0; sent < 20; sent++) {
          const outcome = await world.tenant.enqueueInput({ runId, input, dedupe: null });
          if (outcome.kind !== "accepted") break;
          accepted += 1;
          world.bell.ring({ about: "run", runId });
        }
        await world.reaches(runId, "completed", 15_000);
        const seen = (await world.types(runId)).filter((type) => type === "message.user").length;
        await world.checkRecord(runId);
        return { accepted, seen: seen - 1 };
      }),
    );
    for (const { accepted, seen } of counts) expect(seen).toBe(accepted);
  });

  test("an input that changes nothing is consumed, and the run is parked again", async () => {
    const gateway = world.gateway();
    const runId = await world.start({ tools: [external("ask")] });
    const [callId = ""] = (await world.model.next()).finish({ toolName: "ask" });
    await world.reaches(runId, "waiting_tool");
    const before = await world.types(runId);
    const input = { kind: "dispatch_lost", callId, attempt: 1 } as const;
    await world.tenant.enqueueInput({ runId, input, dedupe: null });
    const claims = () => gateway.fleet.said.filter((name) => name === "loadRun").length;
    const loaded = claims();
    world.bell.ring({ about: "run", runId });
    await until("it is looked at", () => claims() > loaded);
    await until("it is let go", () => gateway.engine.runsHeld === 0);
    expect(await world.types(runId)).toEqual(before);
    expect(await world.status(runId)).toBe("waiting_tool");
    const again = claims();
    await sleep(1200);
    expect(claims()).toBe(again);
    await world.answer(runId, callId, "42");
    (await world.model.next()).finish();
    await world.reaches(runId, "completed");
  });
});

describe("a device's call", () => {
  test("is a row with its recipient once it is dispatched, and its gateway is rung for; so it is when it is settled", async () => {
    world.gateway();
    const rings: (string | null)[] = [];
    world.bell.listen((ring) => {
      if (ring.about === "device") rings.push(ring.deviceKey);
    });
    const tools = [
      { name: "here", inputSchema: schema, target: "device" as const, device: { key: "laptop" } },
      { name: "anywhere", inputSchema: schema, target: "device" as const },
    ];
    const runId = await world.start({ tools });
    const [callId = ""] = (await world.model.next()).finish({ toolName: "here" }, { toolName: "anywhere" });
    await world.reaches(runId, "waiting_tool");
    expect(rings).toEqual(["laptop", null]);
    expect(await world.tenant.findCall({ callId })).toMatchObject({ status: "dispatched", attempts: 1 });
    await world.cancel(runId);
    await world.reaches(runId, "canceled");
    expect(rings).toEqual(["laptop", null, "laptop", null]);
    expect(await world.tenant.findCall({ callId })).toMatchObject({ status: "failed", error: { code: "canceled" } });
  });
});

describe("the live log away", () => {
  test("the run goes on, and watchers are told when the store holds something", async () => {
    const away = new HeldLiveLog();
    const gateway = world.gateway({ liveLog: { ...away.port, append: async () => ({ kind: "unavailable" }) } });
    const runId = await world.start();
    const call = await world.model.next();
    call.say("one");
    await until("the delta is told as stored", () => gateway.stored.get(runId)?.at(-1) === "4-2");
    call.finish();
    await world.reaches(runId, "completed");
    await until("the end is told as stored", () => gateway.stored.get(runId)?.at(-1) === "6-0");
    expect(gateway.published.get(runId)).toBeUndefined();
    await world.checkRecord(runId);
  });
});

describe("the store away", () => {
  test("for less than a lease: the step goes on and its end is committed when the store is back", async () => {
    const gateway = world.gateway();
    const runId = await world.start();
    const call = await world.model.next();
    gateway.fleet.isAway = true;
    call.say("said ", "meanwhile").finish();
    await sleep(300);
    gateway.fleet.isAway = false;
    await world.reaches(runId, "completed");
    expect(await world.types(runId)).not.toContain("step.discarded");
    await world.checkPublished(runId, gateway);
  });

  test("for longer: the holder gives up, hands the lease back later, and the run is finished without counting as lost", async () => {
    const gateway = world.gateway({ leaseDurationMs: 600 });
    const runId = await world.start();
    const call = await world.model.next();
    call.say("cut");
    gateway.fleet.isAway = true;
    await until("the holder gives up", () => gateway.engine.runsHeld === 0);
    expect(call.signal.aborted).toBe(true);
    gateway.fleet.isAway = false;
    (await world.model.next()).say("whole").finish();
    await world.reaches(runId, "completed");
    expect(await world.types(runId)).not.toContain("run.recovered");
    await world.checkRecord(runId);
  });

  test("beyond a call's deadline: the answer that was kept away by the same is waited for, and the run does not fail for that", async () => {
    const gateway = world.gateway({ leaseDurationMs: 1500 });
    const runId = await world.start({ tools: [external("ask", { timeoutMs: 1000, onTimeout: "fail-run" })] });
    const [callId = ""] = (await world.model.next()).finish({ toolName: "ask" });
    await world.reaches(runId, "waiting_tool");
    const { deadline } = (await world.fact(runId, "tool.dispatched")) as { deadline: string };
    gateway.fleet.isAway = true;
    await until("the deadline has passed", () => Date.now() > Date.parse(deadline));
    const tries = gateway.fleet.said.length;
    gateway.fleet.isAway = false;
    await until("the gateway has looked again", () => gateway.fleet.said.slice(tries).includes("claimRuns"));
    await world.answer(runId, callId, "in time, but for the outage");
    (await world.model.next()).say("on").finish();
    await world.reaches(runId, "completed");
  });

  test("a claim whose answer is lost gives its lease to nobody: it is handed back, and the run is not taken for lost", async () => {
    const gateway = world.gateway({ leaseDurationMs: 3000 });
    const runId = await world.start({ tools: [{ name: "ask", inputSchema: {}, target: "external" }] });
    (await world.model.next()).finish({ toolName: "ask" });
    await world.reaches(runId, "waiting_tool");
    const { callId } = (await world.fact(runId, "tool.dispatched")) as { callId: string };
    gateway.fleet.loseAnswerOf = "claimRuns";
    await world.answer(runId, callId, "yes");
    (await world.model.next()).say("on").finish();
    await world.reaches(runId, "completed");
    expect(gateway.fleet.loseAnswerOf).toBeNull();
    expect(await world.types(runId)).not.toContain("run.recovered");
  });

  test("a commit whose answer is lost is repeated and counts once", async () => {
    const gateway = world.gateway();
    const runId = await world.start();
    const call = await world.model.next();
    gateway.fleet.loseAnswerOf = "commit";
    call.say("once").finish();
    await world.reaches(runId, "completed");
    await until("the run is let go", () => gateway.engine.runsHeld === 0);
    await world.checkPublished(runId, gateway);
  });
});

describe("a gateway that stops", () => {
  test("lets a step finish within the drain, begins no other, and another goes on at once", async () => {
    const first = world.gateway({ functions: { look: async () => "seen" } });
    const runId = await world.start({ tools: [server("look")] });
    const call = await world.model.next();
    const stopped = first.engine.stop({ drainMs: 5000 });
    await sleep(20);
    call.say("finished in time").finish({ toolName: "look" });
    await stopped;
    world.gateway({ functions: { look: async () => "seen" } });
    (await world.model.next()).finish();
    await world.reaches(runId, "completed");
    const types = await world.types(runId);
    expect(types).not.toContain("step.discarded");
    expect(types).not.toContain("run.recovered");
  });

  test("hands over a step that outlasts the drain", async () => {
    const first = world.gateway();
    const runId = await world.start();
    const call = await world.model.next();
    call.say("too slow");
    await first.engine.stop({ drainMs: 20 });
    expect(call.signal.aborted).toBe(true);
    expect(await world.fact(runId, "step.discarded")).toMatchObject({ reason: "handover" });
    await world.checkPublished(runId, first);
    world.gateway();
    (await world.model.next()).say("again").finish();
    await world.reaches(runId, "completed");
    expect(await world.types(runId)).not.toContain("run.recovered");
  });
});
