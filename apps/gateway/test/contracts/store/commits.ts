import { START } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { INPUTS_PER_DRAIN_MAX } from "../../../src/ports/limits.ts";
import type { Store } from "../../../src/ports/store.ts";
import { callOf, claim, commitOf, delta, endOf, fact, NASTY, openScene, start } from "./scene.ts";
import type { TenantId } from "../../../src/core/tenant-id.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";

export function commitsOfStore(store: () => Store): void {
  async function heldRun() {
    const scene = await openScene(store());
    const { runId } = await start(scene);
    const held = await claim(scene, runId);
    const events = () => scene.tenant.readEvents({ runId, after: START, limit: 500, factsOnly: false });
    const positions = async () => (await events()).map(({ seq, sub }) => `${seq}-${sub}`);
    const message = () =>
      scene.tenant.enqueueInput({
        by: AN_ACTOR,
        runId,
        input: { kind: "message", message: { role: "user", content: "x" } },
        dedupe: null,
      });
    const inputIds = async () =>
      (await store().fleet.readInbox({ runId, epoch: held.epoch }))?.inbox.inputs.map((input) => input.inputId) ?? [];
    return { scene, runId, held, events, positions, message, inputIds };
  }

  describe("commits", () => {
    test("facts, carried deltas, the run's row and its calls are written together, byte for byte", async () => {
      const { scene, runId, held, events } = await heldRun();
      const payload = JSON.stringify({ text: NASTY, spaced: { a: [1, 2.5e-7] } }, null, " ");
      const facts = [
        fact(3, "run.started", { payload }),
        fact(4, "step.started"),
        fact(5, "step.completed", { prev: { seq: 4, sub: 2 }, ts: 1_700_000_000_001 }),
      ];
      const deltas = [delta(4, 1, NASTY), delta(4, 2)];
      const call = callOf({
        args: { text: NASTY },
        recipient: { kind: "any", labels: { [NASTY]: NASTY }, platform: "browser" },
      });
      const run = {
        steps: 1,
        openStep: 7,
        usage: { inputTokens: 3, totalTokens: 4 },
        output: NASTY,
        finishReason: "content-filter" as const,
        startedAt: 1_700_000_000_001,
      };
      const commit = commitOf(held, [], { facts, deltas, calls: [call], run });
      expect(await store().fleet.commit(commit)).toEqual({ kind: "committed", wakes: [] });
      expect((await events()).slice(2)).toEqual([facts[0], facts[1], deltas[0], deltas[1], facts[2]]);
      expect(await scene.tenant.findRun({ runId })).toMatchObject({
        status: "running",
        steps: 1,
        usage: run.usage,
        output: NASTY,
        finishReason: "content-filter",
        position: "5-0",
        startedAt: new Date(1_700_000_000_001).toISOString(),
      });
      expect((await scene.tenant.findCall({ callId: call.callId }))?.args).toEqual(call.args);
      const outline = await store().fleet.loadOutline({ tenantId: scene.tenantId, runId, epoch: held.epoch });
      expect(outline).toEqual({
        recoveries: 0,
        parent: null,
        run: { ...commit.run },
        inboxCount: 0,
        openCalls: [call],
      });
    });

    test("a commit repeated because its outcome was unknown is found written, and writes nothing twice (R4)", async () => {
      const { held, positions, message, inputIds } = await heldRun();
      await message();
      const consumed = await inputIds();
      const commit = commitOf(held, ["run.started", "run.waiting"], {
        status: "waiting_tool",
        consumed,
        inboxMustBe: 1,
        lease: { kind: "release", wakeAt: null },
      });
      expect(await store().fleet.commit(commit)).toEqual({ kind: "committed", wakes: [] });
      await message();
      expect(await store().fleet.commit(commit)).toEqual({ kind: "committed", wakes: [] });
      expect(await positions()).toEqual(["1-0", "2-0", "3-0", "4-0"]);
      expect(await inputIds()).toHaveLength(1);
    });

    test("a commit of a former holder, with a gap, or of an earlier seq is refused whole (R2, R5)", async () => {
      const { scene, runId, held, positions } = await heldRun();
      const call = callOf();
      const refused = async (overrides: Parameters<typeof commitOf>[2]) => {
        const commit = commitOf(held, ["run.started"], { deltas: [delta(2, 1)], calls: [call], ...overrides });
        return (await store().fleet.commit(commit)).kind;
      };
      expect(await refused({ epoch: held.epoch - 1 })).toBe("fenced");
      expect(await refused({ epoch: held.epoch + 1 })).toBe("store_behind");
      expect(await refused({ afterSeq: held.lastSeq + 1 })).toBe("store_behind");
      expect(await positions()).toEqual(["1-0", "2-0"]);
      expect(await scene.tenant.findCall({ callId: call.callId })).toBeNull();
      await store().fleet.releaseLeases({ runs: [held] });
      expect(await refused({})).toBe("fenced");
      const next = await claim(scene, runId, "gateway-b");
      expect(await refused({})).toBe("fenced");
      expect((await store().fleet.commit(commitOf(next, ["run.started"]))).kind).toBe("committed");
      expect(await positions()).toEqual(["1-0", "2-0", "3-0"]);
    });

    test("a commit that must know all inputs is refused while one is unseen, and writes nothing", async () => {
      const { held, positions, message, inputIds } = await heldRun();
      await message();
      const consumed = await inputIds();
      await message();
      const park = commitOf(held, ["run.started"], {
        status: "waiting_tool",
        consumed,
        inboxMustBe: 1,
        lease: { kind: "release", wakeAt: null },
      });
      expect(await store().fleet.commit(park)).toEqual({ kind: "inputs_waiting" });
      expect(await positions()).toEqual(["1-0", "2-0"]);
      const both = { ...park, consumed: await inputIds(), inboxMustBe: 2 };
      expect((await store().fleet.commit(both)).kind).toBe("committed");
    });

    test("a lease given back while an input waits leaves the run due, whatever time was named", async () => {
      const { scene, runId, held, message } = await heldRun();
      await message();
      const retrying = commitOf(held, ["run.started", "run.retrying"], {
        status: "queued",
        lease: { kind: "release", wakeAt: Date.now() + 3600_000 },
      });
      expect((await store().fleet.commit(retrying)).kind).toBe("committed");
      expect((await claim(scene, runId)).lost).toBe(false);
    });

    test("a commit without facts consumes inputs that changed nothing, and is repeated without harm", async () => {
      const { scene, runId, held, message, inputIds, positions } = await heldRun();
      await message();
      const consumed = await inputIds();
      const empty = commitOf(held, [], { status: "queued", consumed });
      expect((await store().fleet.commit(empty)).kind).toBe("committed");
      expect((await store().fleet.commit(empty)).kind).toBe("committed");
      expect(await inputIds()).toEqual([]);
      const release = commitOf(held, [], {
        status: "queued",
        inboxMustBe: 0,
        lease: { kind: "release", wakeAt: null },
      });
      await message();
      expect((await store().fleet.commit(release)).kind).toBe("inputs_waiting");
      const seen = { ...release, inboxMustBe: 1, consumed: await inputIds() };
      expect((await store().fleet.commit(seen)).kind).toBe("committed");
      expect((await store().fleet.commit(seen)).kind).toBe("committed");
      expect(await positions()).toEqual(["1-0", "2-0"]);
      await expect(claim(scene, runId)).rejects.toThrow("was not due");
    });

    test("deltas that a batch brought before are no conflict, and those it did not bring are filled in", async () => {
      const { scene, runId, held, positions } = await heldRun();
      const { tenantId } = scene;
      await store().fleet.commit(commitOf(held, ["run.started", "step.started"]));
      await store().fleet.appendDeltas({
        rows: [1, 3].map((sub) => ({ tenantId, runId, epoch: held.epoch, record: delta(4, sub) })),
      });
      const closing = commitOf(held, ["step.completed"], {
        afterSeq: 4,
        facts: [fact(5, "step.completed", { prev: { seq: 4, sub: 4 } })],
        deltas: [4, 3, 2, 1].map((sub) => delta(4, sub)),
      });
      expect((await store().fleet.commit(closing)).kind).toBe("committed");
      expect(await positions()).toEqual(["1-0", "2-0", "3-0", "4-0", "4-1", "4-2", "4-3", "4-4", "5-0"]);
    });

    test("an end is refused while an input is unseen, and a run does not end twice (R6)", async () => {
      const { scene, runId, held, message, inputIds } = await heldRun();
      await message();
      const end = endOf(held, { inboxMustBe: 0 });
      expect(await store().fleet.commit(end)).toEqual({ kind: "inputs_waiting" });
      const seen = { ...end, inboxMustBe: 1, consumed: await inputIds() };
      expect((await store().fleet.commit(seen)).kind).toBe("committed");
      expect((await store().fleet.commit(seen)).kind).toBe("committed");
      expect((await store().fleet.commit(endOf(held, { afterSeq: held.lastSeq + 1 }))).kind).toBe("fenced");
      expect(await scene.tenant.readTail({ runId })).toMatchObject({ status: "completed", lastSeq: held.lastSeq + 1 });
    });
  });

  describe("ends", () => {
    test("the end of a run consumes every input that waits, also more than one read returns; an input with a key is still known (R6)", async () => {
      const { scene, runId, held, message, inputIds } = await heldRun();
      for (let n = 0; n < INPUTS_PER_DRAIN_MAX + 2; n++) await message();
      const cancel = () =>
        scene.tenant.enqueueInput({
          by: AN_ACTOR,
          runId,
          input: { kind: "cancel", reason: null },
          dedupe: { key: "cancel", bodyHash: "" },
        });
      await cancel();
      const waiting = INPUTS_PER_DRAIN_MAX + 3;
      const consumed = (await inputIds()).slice(0, 3);
      const end = endOf(held, { inboxMustBe: waiting, consumed });
      expect((await store().fleet.commit(end)).kind).toBe("committed");
      const read = await store().fleet.readInbox({ runId, epoch: held.epoch });
      expect(read?.inbox).toEqual({ count: 0, inputs: [], resultsUnread: false });
      expect((await store().fleet.commit(end)).kind).toBe("committed");
      expect(await cancel()).toEqual({ kind: "duplicate", status: "completed" });
    });

    test("the end of one run leaves what waits for another", async () => {
      const one = await heldRun();
      const two = await heldRun();
      await one.message();
      await two.message();
      await store().fleet.commit(endOf(one.held, { inboxMustBe: 1 }));
      expect(await one.inputIds()).toHaveLength(0);
      expect(await two.inputIds()).toHaveLength(1);
    });
  });

  describe("delta batches", () => {
    test("a delta that is stale, foreign or stored already is skipped, and is no error for the others (R2)", async () => {
      const one = await heldRun();
      const two = await heldRun();
      for (const { held } of [one, two]) await store().fleet.commit(commitOf(held, ["run.started", "step.started"]));
      const row = (run: typeof one, sub: number, overrides: { epoch?: number; tenantId?: TenantId } = {}) => ({
        tenantId: run.scene.tenantId,
        runId: run.runId,
        epoch: run.held.epoch,
        record: delta(4, sub, NASTY),
        ...overrides,
      });
      await store().fleet.appendDeltas({ rows: [row(one, 1)] });
      await store().fleet.appendDeltas({
        rows: [
          row(two, 2),
          row(one, 1),
          row(one, 2, { epoch: 9 }),
          row(one, 3, { tenantId: two.scene.tenantId }),
          row(two, 1),
          row(one, 4),
        ],
      });
      await store().fleet.appendDeltas({ rows: [] });
      expect((await one.positions()).slice(4)).toEqual(["4-1", "4-4"]);
      expect((await two.positions()).slice(4)).toEqual(["4-1", "4-2"]);
      expect((await two.events()).at(-1)).toEqual(delta(4, 2, NASTY));
    });
  });
}
