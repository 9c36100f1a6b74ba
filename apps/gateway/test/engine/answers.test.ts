import { afterEach, beforeEach, expect, test } from "vitest";
import { asTenantId } from "../../src/core/tenant-id.ts";
import { PARKED_RUNS_MAX } from "../../src/engine/limits.ts";
import { ParkedRuns, type ParkedRun } from "../../src/engine/parked-runs.ts";
import type { HoldOffer } from "../../src/ports/hold-offer.ts";
import { StoreUnavailable } from "../../src/ports/store.ts";
import type { SubmitResultOutcome } from "../../src/ports/tenant-store.ts";
import { AN_ACTOR } from "../support/an-actor.ts";
import { type EngineUnderTest, EngineWorld, externalTool } from "../support/engine-world.ts";
import type { PuppetCall } from "../support/puppet-model.ts";

let world: EngineWorld;
let gateway: EngineUnderTest;
beforeEach(async () => {
  world = await EngineWorld.openInMemory();
  gateway = world.gateway();
  await world.until("a claim is answered", () => gateway.fleet.said.includes("claimRuns"));
  await world.time.pass(50);
});
afterEach(() => world.close());

/** A run that waits for calls. */
async function park(...tools: readonly string[]): Promise<{ readonly runId: string; readonly callIds: string[] }> {
  const { runId } = await world.startOn(gateway, { tools: tools.map((name) => externalTool(name)) });
  const callIds = (await world.model.next()).finish(...tools.map((toolName) => ({ toolName })));
  await world.reaches(runId, "waiting_tool");
  await world.time.pass(50);
  gateway.fleet.said.length = 0;
  return { runId, callIds };
}

test("an answer takes its run by its own commit, and the holder goes on from memory: the next commit opens the step", async () => {
  const { runId, callIds } = await park("ask");
  const [callId = ""] = callIds;
  expect(await world.answerOn(gateway, runId, callId, "42")).toBe(true);
  const call = await world.model.next();
  expect(JSON.stringify(call.call.messages)).toContain("42");
  call.say("so").finish();
  await world.reaches(runId, "completed");
  const { said } = gateway.fleet;
  expect(said).not.toContain("loadRun");
  expect(said).not.toContain("readInbox");
  expect(said.filter((name) => name === "commit")).toHaveLength(2);
  await world.checkPublished(runId, gateway);
});

test("another gateway that takes the run reads it", async () => {
  const { runId, callIds } = await park("ask");
  const other = world.gateway();
  await world.until("a claim is answered", () => other.fleet.said.includes("claimRuns"));
  await world.time.pass(50);
  expect(await world.answerOn(other, runId, callIds[0] ?? "", "42")).toBe(true);
  (await world.model.next()).say("so").finish();
  await world.reaches(runId, "completed");
  expect(other.fleet.said).toContain("loadRun");
});

test("what was remembered does not count once another gateway has had the run", async () => {
  const { runId, callIds } = await park("ask", "check");
  const other = world.gateway();
  await world.until("a claim is answered", () => other.fleet.said.includes("claimRuns"));
  await world.time.pass(50);
  await world.answerOn(other, runId, callIds[0] ?? "", "one");
  await world.until("it is parked again", async () => (await world.types(runId)).at(-1) === "tool.completed");
  await world.time.pass(100);
  gateway.fleet.said.length = 0;
  expect(await world.answerOn(gateway, runId, callIds[1] ?? "", "two")).toBe(true);
  const call = await world.model.next();
  expect(JSON.stringify(call.call.messages)).toMatch(/one.*two/);
  call.finish();
  await world.reaches(runId, "completed");
  expect(gateway.fleet.said).toContain("loadRun");
});

test("of calls that are answered one after the other each parks the run again, and the last opens the step", async () => {
  const { runId, callIds } = await park("ask", "check");
  await world.answerOn(gateway, runId, callIds[0] ?? "", "one");
  await world.until("it is parked", async () => (await world.types(runId)).at(-1) === "tool.completed");
  await world.time.pass(100);
  await world.answerOn(gateway, runId, callIds[1] ?? "", "two");
  (await world.model.next()).finish();
  await world.reaches(runId, "completed");
  expect(gateway.fleet.said).not.toContain("loadRun");
});

test("a cancel that comes right after the answer wins over the step", async () => {
  const { runId, callIds } = await park("ask");
  await world.answerOn(gateway, runId, callIds[0] ?? "", "42");
  await world.cancel(runId);
  await world.reaches(runId, "canceled");
  expect(await world.types(runId)).toContain("tool.completed");
});

test("the answer of the store was lost: the lease is returned, and does not count", async () => {
  const { runId, callIds } = await park("ask");
  const answered = gateway.engine.uptake.answer(world.tenantId, null, async (offer) => {
    await world.answerUnder(offer, runId, callIds[0] ?? "", "42");
    throw new StoreUnavailable("the answer was lost");
  });
  await expect(answered).rejects.toThrow(StoreUnavailable);
  (await world.model.next()).finish();
  await world.reaches(runId, "completed");
  expect(await world.types(runId)).not.toContain("run.recovered");
});

test("the model is asked while the answer is in flight, once, and nothing of it shows before that is accepted (R3)", async () => {
  const { runId, callIds } = await park("ask");
  const [callId = ""] = callIds;
  let call: PuppetCall | null = null;
  const isTaken = await world.answerOn(gateway, runId, callId, "42", async (offer) => {
    const outcome = await world.answerUnder(offer, runId, callId, "42");
    call = (await world.model.next()).say("so");
    expect(JSON.stringify(call.call.messages)).toContain("42");
    await world.time.pass(50);
    expect((gateway.published.get(runId) ?? []).at(-1)?.type).toBe("run.waiting");
    return outcome;
  });
  expect(isTaken).toBe(true);
  (call as PuppetCall | null)?.finish();
  await world.reaches(runId, "completed");
  expect(world.model.calls).toEqual([]);
  const opened = ["run.resumed", "step.started", "step.completed", "run.completed"];
  expect((await world.types(runId)).slice(-4)).toEqual(opened);
  await world.checkPublished(runId, gateway);
});

test("an answer that is refused aborts what was asked for it, and the next one is asked for nothing", async () => {
  const { runId, callIds } = await park("ask");
  const [callId = ""] = callIds;
  const refused = async (offer: HoldOffer | null): Promise<SubmitResultOutcome> => {
    offer?.sent();
    await world.time.pass(50);
    return { kind: "conflict", status: "completed" };
  };
  await world.answerOn(gateway, runId, callId, "forged", refused);
  const forged = await world.model.next();
  expect(forged.signal.aborted).toBe(true);
  await world.answerOn(gateway, runId, callId, "forged", refused);
  expect(world.model.calls).toEqual([]);
  forged.say("never shown").finish();
  expect(await world.answerOn(gateway, runId, callId, "42")).toBe(true);
  (await world.model.next()).say("so").finish();
  await world.reaches(runId, "completed");
  expect(JSON.stringify(gateway.published.get(runId))).not.toMatch(/forged|never shown/);
  await world.checkPublished(runId, gateway);
});

test("another tenant that names the run and its call makes nobody ask for anything (R10)", async () => {
  const { runId, callIds } = await park("ask");
  const [callId = ""] = callIds;
  const input = { kind: "tool_result", callId, outcome: { kind: "completed", result: "42" } } as const;
  const about = { runId, input: { ...input, source: "http", deviceId: null } as const };
  await gateway.engine.uptake.answer(asTenantId(runId), about, async (offer) => {
    offer?.sent();
    await world.time.pass(50);
    return { kind: "not_found" };
  });
  expect(world.model.calls).toEqual([]);
  expect(await world.answerOn(gateway, runId, callId, "42")).toBe(true);
  (await world.model.next()).finish();
  await world.reaches(runId, "completed");
  expect(gateway.fleet.said).not.toContain("loadRun");
});

test("what came before the answer was not foreseen: the model is asked again, with both", async () => {
  const { runId, callIds } = await park("ask");
  const [callId = ""] = callIds;
  await world.answerOn(gateway, runId, callId, "42", async (offer) => {
    const dedupe = null;
    offer?.sent();
    await world.time.pass(50);
    const input = { kind: "message", message: { role: "user", content: "and hurry" } } as const;
    await world.tenant.enqueueInput({ by: AN_ACTOR, runId, input, dedupe });
    return world.answerUnder(offer, runId, callId, "42");
  });
  const foreseen = await world.model.next();
  expect(foreseen.signal.aborted).toBe(true);
  foreseen.say("never shown").finish();
  const call = await world.model.next();
  expect(JSON.stringify(call.call.messages)).toMatch(/42.*and hurry/);
  call.say("so").finish();
  await world.reaches(runId, "completed");
  expect(JSON.stringify(gateway.published.get(runId))).not.toContain("never shown");
  await world.checkPublished(runId, gateway);
});

test("the outcome of a foreseen answer was lost: the step is opened by the next claim, and shows its own text alone", async () => {
  const { runId, callIds } = await park("ask");
  const [callId = ""] = callIds;
  const answered = world.answerOn(gateway, runId, callId, "42", async (offer) => {
    await world.answerUnder(offer, runId, callId, "42");
    await world.time.pass(50);
    throw new StoreUnavailable("the answer was lost");
  });
  await expect(answered).rejects.toThrow(StoreUnavailable);
  const foreseen = await world.model.next();
  expect(foreseen.signal.aborted).toBe(true);
  foreseen.say("never shown").finish();
  (await world.model.next()).say("so").finish();
  await world.reaches(runId, "completed");
  expect(await world.types(runId)).not.toContain("run.recovered");
  expect(JSON.stringify(gateway.published.get(runId))).not.toContain("never shown");
});

test("a gateway that stops while an answer is in flight asks for nothing more, and leaves the step to others", async () => {
  const { runId, callIds } = await park("ask");
  const [callId = ""] = callIds;
  const stopped: Promise<void>[] = [];
  await world.answerOn(gateway, runId, callId, "42", async (offer) => {
    const outcome = await world.answerUnder(offer, runId, callId, "42");
    stopped.push(gateway.engine.stop({ drainMs: 1000 }));
    await world.time.pass(50);
    return outcome;
  });
  const foreseen = await world.model.next();
  await world.until("the request is aborted", () => foreseen.signal.aborted, 60_000);
  foreseen.finish();
  await Promise.all(stopped);
  world.gateway();
  (await world.model.next()).say("so").finish();
  await world.reaches(runId, "completed");
});

test("a gateway remembers so many parked runs, and forgets the one that was parked first (R9)", () => {
  const runs = new ParkedRuns();
  const parked = (n: number): ParkedRun =>
    ({ runId: `run-${n}`, epoch: 1, record: { state: { run: { seq: 5 } }, bytes: 1 } }) as unknown as ParkedRun;
  for (let n = 0; n <= PARKED_RUNS_MAX; n++) runs.keep(parked(n));
  const claimed = { tenantId: world.tenantId, epoch: 2, lastSeq: 5, lost: false, recoveries: 0, stalls: 0 };
  expect(runs.take({ ...claimed, runId: "run-0" })).toBeNull();
  expect(runs.take({ ...claimed, runId: "run-1" })?.runId).toBe("run-1");
  expect(runs.take({ ...claimed, runId: "run-1" })).toBeNull();
  expect(runs.take({ ...claimed, runId: "run-2", epoch: 3 })).toBeNull();
  expect(runs.take({ ...claimed, runId: "run-3", lastSeq: 6 })).toBeNull();
});
