import type { LeftOut } from "@hsafa/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { placeFacts } from "../../src/core/place-facts.ts";
import { HISTORY_BYTES_MAX, RECORD_BYTES_MAX, RECORD_FACTS_MAX } from "../../src/core/limits.ts";
import { EVENTS_PAGE_BYTES_MAX, EVENTS_PAGE_MAX, RUN_MESSAGES_BYTES_MAX } from "../../src/ports/limits.ts";
import { RecordRoom } from "../../src/engine/record-room.ts";
import { claim, commitOf } from "../contracts/store/scene.ts";
import { EngineWorld, externalTool } from "../support/engine-world.ts";
import { AN_ACTOR } from "../support/an-actor.ts";

const LARGE = "x".repeat(1_000_000);

let world: EngineWorld;
beforeEach(async () => {
  world = await EngineWorld.openInMemory();
});
afterEach(() => world.close());

describe("a run without end", () => {
  test("that is sent messages takes no more of them in time, and can still be canceled", async () => {
    world.gateway();
    const runId = await world.start({ tools: [externalTool("ask")] });
    (await world.model.next()).finish({ toolName: "ask" });
    await world.reaches(runId, "waiting_tool");
    const input = { kind: "message", message: { role: "user", content: LARGE } } as const;
    let taken = 0;
    for (;;) {
      const before = await world.tenant.readTail({ runId });
      const { kind } = await world.tenant.enqueueInput({ by: AN_ACTOR, runId, input, dedupe: null });
      if (kind === "messages_full") break;
      expect(kind).toBe("accepted");
      taken += 1;
      world.bell.ring({ about: "run", runId });
      await world.until("the message is in the record", async () => {
        const now = await world.tenant.readTail({ runId });
        return now?.lastSeq !== before?.lastSeq;
      });
    }
    expect(taken).toBe(Math.floor(RUN_MESSAGES_BYTES_MAX / LARGE.length));
    await world.cancel(runId);
    await world.reaches(runId, "canceled");
    await world.checkRecord(runId);
  });

  test("fails once its record is full, and its size stays bounded", async () => {
    world.gateway();
    const runId = await world.start({ tools: [externalTool("ask")] });
    const goesOn = async (): Promise<boolean> => {
      const hasFailed = async () => (await world.status(runId)) === "failed";
      await world.until("the model is called, or the run has failed", async () => {
        return world.model.calls.length > 0 || (await hasFailed());
      });
      return !(await hasFailed());
    };
    let steps = 0;
    for (; await goesOn(); steps += 1) {
      const [callId = ""] = (await world.model.next()).say(LARGE, LARGE, LARGE).finish({ toolName: "ask" });
      await world.until("the step is over", async () =>
        ["waiting_tool", "failed"].includes((await world.status(runId)) ?? ""),
      );
      if ((await world.status(runId)) === "waiting_tool") await world.answer(runId, callId, "x");
    }
    expect(await world.fact(runId, "run.failed")).toMatchObject({ error: { code: "record_full" } });
    expect(steps).toBeLessThanOrEqual(Math.ceil(RECORD_BYTES_MAX / (3 * LARGE.length)));
    await world.checkRecord(runId);
  });
});

describe("many large runs of one tenant", () => {
  test("are not in memory at once when all are woken at once, and each is taken up in the end (R9)", async () => {
    const bytesMax = 16 * 1024 * 1024;
    const recordRoom = new RecordRoom({ clock: world.time.clock, bytesMax });
    const open = recordRoom.open.bind(recordRoom);
    let most = 0;
    recordRoom.open = (tenantId) => {
      const room = open(tenantId);
      const has = room.has.bind(room);
      room.has = (part, bytes) => {
        has(part, bytes);
        most = Math.max(most, recordRoom.taken);
      };
      return room;
    };
    world.gateway({ recordRoom });
    const runIds: string[] = [];
    for (let nth = 0; nth < 8; nth += 1) {
      const runId = await world.start({ tools: [externalTool("ask")] });
      (await world.model.next()).finish({ toolName: "ask" });
      await world.reaches(runId, "waiting_tool");
      for (let sent = 0; sent < 6; sent += 1) {
        await world.say(runId, LARGE);
        await world.until("it is taken", async () => (await world.types(runId)).length === 9 + sent);
      }
      runIds.push(runId);
    }
    expect(recordRoom.taken).toBe(0);
    most = 0;
    const sizes = await Promise.all(runIds.map(async (runId) => (await world.types(runId)).length));
    for (const runId of runIds) await world.say(runId, "wake up");
    for (const [index, runId] of runIds.entries())
      await world.until("it is taken", async () => (await world.types(runId)).length > (sizes[index] ?? 0));
    expect(most).toBeGreaterThan(6 * LARGE.length);
    expect(most).toBeLessThan(bytesMax);
    await world.until("all is given back", () => recordRoom.taken === 0);
  });
});

describe("a record that an earlier version let grow", () => {
  const SIZES = {
    bytes: Array.from({ length: 200 }, () => LARGE),
    facts: Array.from({ length: 2 * RECORD_FACTS_MAX }, () => "x"),
  };
  const PAGES_MAX = { bytes: RECORD_BYTES_MAX / EVENTS_PAGE_BYTES_MAX, facts: RECORD_FACTS_MAX / EVENTS_PAGE_MAX };

  test.each(["bytes", "facts"] as const)("it is not read to its end for its %s, and the run fails", async (unit) => {
    const runId = await world.start();
    const held = await claim({ store: world.store }, runId, "an earlier version");
    const facts = SIZES[unit].map((content) => ({
      type: "message.user" as const,
      data: { message: { role: "user" as const, content } },
    }));
    const prev = { seq: held.lastSeq, sub: 0 };
    const records = placeFacts({ facts, afterSeq: held.lastSeq, prev, ts: 0 });
    const lease = { kind: "release", wakeAt: 0 } as const;
    await world.store.fleet.commit(commitOf(held, [], { facts: records, lease }));
    const gateway = world.gateway();
    await world.reaches(runId, "failed");
    expect((await world.tenant.findRun({ runId }))?.error).toMatchObject({ code: "record_full" });
    const pages = gateway.fleet.said.filter((name) => name === "readFacts").length;
    expect(pages).toBeLessThanOrEqual(PAGES_MAX[unit]);
    expect(pages).toBeGreaterThan(PAGES_MAX[unit] / 3);
  });
});

describe("a thread of large runs", () => {
  /** Runs that were each asked 1 MB. */
  async function talk(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      const runId = await world.start({}, "thread-1", LARGE);
      (await world.model.next()).say(`said ${index}`).finish();
      await world.reaches(runId, "completed");
    }
  }

  async function leftOut(runId: string): Promise<readonly LeftOut[]> {
    return ((await world.fact(runId, "step.completed")) as { leftOut?: LeftOut[] }).leftOut ?? [];
  }

  test("a run reads no more of it than its model is shown, and says what it left out", async () => {
    const gateway = world.gateway();
    await talk(6);
    gateway.fleet.said.length = 0;
    const runId = await world.start({ history: { maxTokens: 1000 } }, "thread-1");
    (await world.model.next()).say("fine").finish();
    await world.reaches(runId, "completed");
    expect(gateway.fleet.said.filter((name) => name === "loadHistory")).toHaveLength(1);
    expect(await leftOut(runId)).toContainEqual({ reason: "too_long", what: "the 4 oldest runs of the thread" });
  });

  test("without a bound of tokens, a bound of bytes holds, and the newest runs are shown", async () => {
    world.gateway();
    const count = Math.ceil(HISTORY_BYTES_MAX / LARGE.length) + 2;
    await talk(count);
    const runId = await world.start({}, "thread-1");
    const asked = await world.model.next();
    const shown = asked.call.messages.filter(({ content }) => content === LARGE).length;
    expect(shown).toBe(Math.floor(HISTORY_BYTES_MAX / (LARGE.length + 1000)));
    expect(JSON.stringify(asked.call.messages.at(-2))).toContain(`said ${count - 1}`);
    asked.say("fine").finish();
    await world.reaches(runId, "completed");
    const what = `the ${count - shown} oldest runs of the thread`;
    expect(await leftOut(runId)).toEqual([{ reason: "too_long", what }]);
  });
});
