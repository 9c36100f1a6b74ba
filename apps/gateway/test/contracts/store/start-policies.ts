import type { StartPolicy } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { mergedEnd } from "../../../src/core/merged-end.ts";
import type { ClaimedRun, Commit, CommitOutcome } from "../../../src/ports/fleet-store.ts";
import { INBOX_MAX } from "../../../src/ports/limits.ts";
import type { Store } from "../../../src/ports/store.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";
import { claim, claimAll, commitOf, endOf, factsOf, openScene, type Scene, start, startParams, TS } from "./scene.ts";

export function startPoliciesOfStore(store: () => Store): void {
  const on = (policy: StartPolicy) => ({ threadId: "t", policy });
  const begin = (scene: Scene, policy: StartPolicy) => start(scene, on(policy));

  const due = async ({ tenantId }: Scene): Promise<string[]> =>
    (await claimAll(store())).filter((run) => run.tenantId === tenantId).map(({ runId }) => runId);

  const inboxOf = async ({ runId, epoch }: ClaimedRun) => (await store().fleet.readInbox({ runId, epoch }))?.inbox;

  const statusOf = async ({ tenant }: Scene, runId: string) => (await tenant.findRun({ runId }))?.status;

  /** The holder takes the messages of these runs in, and ends them. */
  const merge = (held: ClaimedRun, runIds: readonly string[], more: Partial<Commit> = {}): Promise<CommitOutcome> =>
    store().fleet.commit(
      commitOf(
        held,
        runIds.map(() => "message.user" as const),
        { merges: runIds.map((runId) => mergedEnd({ runId, messages: 1, into: held.runId, now: TS })), ...more },
      ),
    );

  const cancel = ({ tenant }: Scene, runId: string) =>
    tenant.enqueueInput({
      by: AN_ACTOR,
      runId,
      input: { kind: "cancel", reason: null },
      dedupe: { key: "cancel", bodyHash: "" },
    });

  describe("policies of starts", () => {
    test("reject: while a run of the thread is open nothing is made, whatever other threads do", async () => {
      const scene = await openScene(store());
      const active = await begin(scene, "reject");
      await begin(scene, "queue");
      const idempotency = { key: "k", owner: "o", orUnowned: false, bodyHash: "h" };
      const again = startParams({ ...on("reject"), idempotency });
      expect(await scene.tenant.startRun(again)).toEqual({ kind: "thread_busy", runId: active.runId });
      expect(await scene.tenant.findRun({ runId: again.runId })).toBeNull();
      expect((await start(scene, { threadId: "u", policy: "reject" })).created).toBe(true);
      const held = await claim(scene, active.runId);
      await store().fleet.commit(endOf(held));
      const [second] = await due(scene);
      expect(await scene.tenant.startRun(again)).toEqual({ kind: "thread_busy", runId: second });
    });

    test("reject: of many at once on an idle thread one starts, and the others hear of it", async () => {
      const scene = await openScene(store());
      const outcomes = await Promise.all(
        Array.from({ length: 12 }, () => scene.tenant.startRun(startParams(on("reject")))),
      );
      const made = outcomes.flatMap((outcome) => (outcome.kind === "started" ? [outcome.runId] : []));
      expect(made).toHaveLength(1);
      const others = outcomes.filter(({ kind }) => kind !== "started");
      expect(others).toEqual(others.map(() => ({ kind: "thread_busy", runId: made[0] })));
    });

    test("interrupt: every open run is canceled once, with an entry in the audit log, and the new run is the next", async () => {
      const scene = await openScene(store());
      const first = await begin(scene, "queue");
      const second = await begin(scene, "queue");
      const held = await claim(scene, first.runId);
      const third = await begin(scene, "interrupt");
      expect(third.told.toSorted()).toEqual([first.runId, second.runId].toSorted());
      const reason = `interrupted by the run ${third.runId}`;
      expect((await inboxOf(held))?.inputs.map(({ input }) => input)).toEqual([{ kind: "cancel", reason }]);
      const waiting = await claim(scene, second.runId);
      // They are canceled already: the fourth cancels the third alone.
      const fourth = await begin(scene, "interrupt");
      expect(fourth.told).toEqual([third.runId]);
      const entries = await scene.tenant.listAudit({ limit: 10, cursor: undefined, action: "run.cancel" });
      expect(entries.data.map(({ targets }) => targets["runId"] ?? "").toSorted()).toEqual(
        [first.runId, second.runId, third.runId].toSorted(),
      );
      expect(entries.data[0]?.by).toEqual(AN_ACTOR);
      const canceled = await claim(scene, third.runId);
      const ends = [held, waiting, canceled].map((run) => endOf(run, { status: "canceled" }));
      for (const end of ends) expect((await store().fleet.commit(end)).kind).toBe("committed");
      expect(await due(scene)).toEqual([fourth.runId]);
    });

    test("interrupt: the same start again cancels nothing more, also after the end of all", async () => {
      const scene = await openScene(store());
      const active = await begin(scene, "queue");
      const idempotency = { key: "k", owner: "o", orUnowned: false, bodyHash: "h" };
      const params = startParams({ ...on("interrupt"), idempotency });
      const made = await scene.tenant.startRun(params);
      expect(made).toMatchObject({ kind: "started", created: true, told: [active.runId] });
      const later = await begin(scene, "queue");
      expect(await scene.tenant.startRun({ ...params, runId: later.runId })).toEqual({
        kind: "started",
        runId: params.runId,
        status: "queued",
        created: false,
        isHeld: false,
        told: [],
      });
    });

    test("steer: the active run is told, takes the message and ends the other run by one commit, and a repeat changes nothing", async () => {
      const scene = await openScene(store());
      const active = await begin(scene, "queue");
      const held = await claim(scene, active.runId);
      const steering = await begin(scene, "steer");
      expect(steering.told).toEqual([active.runId]);
      const messages = startParams().messages;
      const inbox = await inboxOf(held);
      expect(inbox?.inputs.map(({ input }) => input)).toEqual([{ kind: "steer", runId: steering.runId, messages }]);
      const consumed = inbox?.inputs.map(({ inputId }) => inputId) ?? [];
      for (let nth = 0; nth < 2; nth += 1)
        expect(await merge(held, [steering.runId], { consumed })).toEqual({ kind: "committed", wakes: [] });
      expect(await inboxOf(held)).toMatchObject({ count: 0 });
      expect(await scene.tenant.findRun({ runId: steering.runId })).toMatchObject({
        status: "merged",
        mergedInto: active.runId,
        position: "3-0",
        output: null,
      });
      const facts = await factsOf(scene, steering.runId);
      expect(facts.map(({ type }) => type)).toEqual(["run.created", "message.user", "run.merged"]);
      expect(facts.at(-1)).toMatchObject({ prev: { seq: 2, sub: 0 }, payload: JSON.stringify({ into: active.runId }) });
      expect(await cancel(scene, steering.runId)).toMatchObject({ kind: "ended", status: "merged" });
      // Nothing wakes it again.
      expect(await store().fleet.sweep({ gatewayTimeoutMs: 60_000 })).not.toContain(steering.runId);
      // The thread has one open run, and its history lacks the one that was merged.
      await store().fleet.commit(endOf(held, { afterSeq: held.lastSeq + 1 }));
      const next = await begin(scene, "reject");
      const claimed = await claim(scene, next.runId);
      const { tenantId, runId, epoch } = claimed;
      expect((await store().fleet.loadRun({ tenantId, runId, epoch }))?.earlierRunIds).toEqual([active.runId]);
      const threadId = (await scene.tenant.findThread({ idOrKey: "t", subject: null }))?.id ?? "";
      const listed = await scene.tenant.listThreadRuns({ threadId, limit: 10, cursor: undefined });
      expect(listed.data.map((run) => run.runId)).toEqual([active.runId, next.runId]);
    });

    test("steer: a run that ended before it took the message leaves it to the run that it came with", async () => {
      const scene = await openScene(store());
      const held = await claim(scene, (await begin(scene, "queue")).runId);
      const steering = await begin(scene, "steer");
      expect(await store().fleet.commit(endOf(held))).toEqual({ kind: "committed", wakes: [steering.runId] });
      expect(await due(scene)).toEqual([steering.runId]);
      expect((await factsOf(scene, steering.runId)).map(({ type }) => type)).toEqual(["run.created", "message.user"]);
    });

    test("steer: a run that was canceled, was taken up or has an input meanwhile is gone, and nothing of the commit is written", async () => {
      for (const how of ["canceled", "taken up", "spoken to"] as const) {
        const scene = await openScene(store());
        const held = await claim(scene, (await begin(scene, "queue")).runId);
        const steering = await begin(scene, "steer");
        const other = await begin(scene, "steer");
        const { runId } = steering;
        if (how === "spoken to") {
          const input = { kind: "message" as const, message: { role: "user" as const, content: "and?" } };
          await scene.tenant.enqueueInput({ by: AN_ACTOR, runId, input, dedupe: null });
        } else await cancel(scene, runId);
        if (how === "taken up") await claim(scene, runId);
        const inputs = (await inboxOf(held))?.inputs.map(({ input }) => input);
        expect(inputs).toMatchObject([{ runId, isGone: true }, { runId: other.runId }]);
        expect(inputs?.[1]).not.toHaveProperty("isGone");
        expect(await merge(held, [runId, other.runId])).toEqual({ kind: "inputs_waiting" });
        expect(await statusOf(scene, runId)).toBe("queued");
        expect(await statusOf(scene, other.runId)).toBe("queued");
        expect(await factsOf(scene, held.runId)).toHaveLength(2);
        expect(await merge(held, [other.runId])).toEqual({ kind: "committed", wakes: [] });
      }
    });

    test("steer: without room in the inbox of the active run, and for another agent, the run waits for its turn", async () => {
      const scene = await openScene(store());
      const active = await begin(scene, "queue");
      const pushed = { by: AN_ACTOR, name: "other", description: null, version: null, configHash: "other" };
      await scene.tenant.pushAgent({ ...pushed, config: { name: "other", model: "demo/x" }, promote: true });
      expect((await start(scene, { ...on("steer"), agent: "other" })).told).toEqual([]);
      const message = { kind: "message" as const, message: { role: "user" as const, content: "x" } };
      for (let nth = 0; nth < INBOX_MAX; nth += 1)
        await scene.tenant.enqueueInput({ by: AN_ACTOR, runId: active.runId, input: message, dedupe: null });
      const steering = await begin(scene, "steer");
      expect(steering.told).toEqual([]);
      expect(await statusOf(scene, steering.runId)).toBe("queued");
    });

    test("a thread that waits for nothing: every policy makes a run that is due at once", async () => {
      for (const policy of ["queue", "reject", "interrupt", "steer"] as const) {
        const scene = await openScene(store());
        const { runId, told } = await begin(scene, policy);
        expect(told).toEqual([]);
        expect(await due(scene)).toEqual([runId]);
      }
    });
  });
}
