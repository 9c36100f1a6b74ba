import { START } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { LOCK_RUN, openRaces } from "../../../test/contracts/store/races.ts";
import { callOf, claim, commitOf, delta, fact, LEASE_MS } from "../../../test/contracts/store/scene.ts";
import { missingServices } from "../../../test/services/services.ts";
import { acceptFromStore } from "../../core/event-record.ts";
import type { Store } from "../../ports/store.ts";
import { openPostgresStore } from "./open-postgres-store.ts";

describe.skipIf(await missingServices("postgres"))("races of commits on Postgres", () => {
  const races = openRaces();

  test("a commit that only consumes inputs, sent again while its first try is under way, takes them off the count once", async () => {
    const { scene, runId, held, send } = await races.heldRun();
    await send();
    await send();
    const read = await races.store.fleet.readInbox(held);
    const consumed = read?.inbox.inputs.slice(0, 1).map(({ inputId }) => inputId) ?? [];
    const commit = () =>
      races.store.fleet.commit(commitOf(held, [], { consumed, inboxMustBe: 2, run: { startedAt: null } }));
    await races.locks.hold(LOCK_RUN, [runId]);
    const [first, second] = await races.locks.inOrder(commit, commit);
    expect([first.kind, second.kind]).toEqual(["committed", "inputs_waiting"]);
    expect(await races.inboxOf(runId)).toEqual({ inbox: 1, waiting: 1 });
    expect(await scene.tenant.readTail({ runId })).toMatchObject({ lastSeq: held.lastSeq });
  });

  test("a commit fails whole over a fact that is stored already: it overwrites none and drops none in silence (R2)", async () => {
    const { scene, runId, held } = await races.heldRun();
    await races.locks.read(
      "insert into run_events select tenant_id, run_id, $2, 0, 2, 0, 'run.waiting', '{}', now() from run_events where run_id = $1 limit 1",
      [runId, held.lastSeq + 2],
    );
    const commit = commitOf(held, ["run.started", "step.started"], { deltas: [delta(2, 1)] });
    await expect(races.store.fleet.commit(commit)).rejects.toThrow("was refused although its row fits");
    const events = await scene.tenant.readEvents({ runId, after: START, limit: 10, factsOnly: false });
    expect(events.map(({ seq, type }) => `${seq} ${type}`)).toEqual([
      "1 run.created",
      "2 message.user",
      "4 run.waiting",
    ]);
  });

  describe("two gateways and one run", () => {
    /** The write of a claim by another gateway, which a test holds open. */
    const CLAIM = `update runs set epoch = epoch + 1, lease_owner = 'gateway-b', wake_at = now() + interval '1 minute' where id = $1`;

    test("a commit that waits behind another gateway's claim is fenced and leaves no trace (R2)", async () => {
      const { scene, runId, held } = await races.heldRun();
      await races.locks.hold(CLAIM, [runId]);
      const call = callOf();
      const late = races.store.fleet.commit(commitOf(held, ["run.started"], { deltas: [delta(2, 1)], calls: [call] }));
      await races.locks.waiting(1);
      await races.locks.release();
      expect(await late).toEqual({ kind: "fenced" });
      const events = await scene.tenant.readEvents({ runId, after: START, limit: 10, factsOnly: false });
      expect(events.map((event) => event.seq)).toEqual([1, 2]);
      expect(await scene.tenant.findCall({ callId: call.callId })).toBeNull();
    });

    test("a renewal that waits behind another gateway's claim finds the lease lost", async () => {
      const { runId, held } = await races.heldRun();
      await races.locks.hold(CLAIM, [runId]);
      const renewal = races.store.fleet.renewLeases({
        gatewayId: "gateway-a",
        leaseDurationMs: LEASE_MS,
        runs: [held],
      });
      await races.locks.waiting(1);
      await races.locks.release();
      expect(await renewal).toEqual([]);
      await races.store.fleet.releaseLeases({ runs: [held] });
      const [row] = await races.locks.read<{ lease_owner: string }>("select lease_owner from runs where id = $1", [
        runId,
      ]);
      expect(row?.lease_owner).toBe("gateway-b");
    });

    test("a claim neither waits for a lease that is just being renewed nor takes it", async () => {
      const { runId } = await races.heldRun();
      await races.locks.read("update runs set wake_at = now() - interval '1 second' where id = $1", [runId]);
      await races.locks.hold("update runs set wake_at = now() + interval '1 minute' where id = $1", [runId]);
      expect(await races.isDue(runId)).toBe(false);
      await races.locks.release();
      expect(await races.isDue(runId)).toBe(false);
    });

    test("a late renewal that waits behind no claim saves the lease", async () => {
      const { runId, held } = await races.heldRun();
      await races.locks.read("update runs set wake_at = now() - interval '1 second' where id = $1", [runId]);
      await races.locks.hold(LOCK_RUN, [runId]);
      const renewal = races.store.fleet.renewLeases({
        gatewayId: "gateway-a",
        leaseDurationMs: LEASE_MS,
        runs: [held],
      });
      await races.locks.waiting(1);
      expect(await races.isDue(runId)).toBe(false);
      await races.locks.release();
      expect(await renewal).toEqual([{ runId, epoch: held.epoch, inbox: 0 }]);
      expect(await races.isDue(runId)).toBe(false);
    });

    test("two renewals of one gateway, with its runs in another order, do not deadlock", async () => {
      const runs = [await races.heldRun(), await races.heldRun(), await races.heldRun()].map((run) => run.held);
      // A store sends its renewals one after the other. One that its gateway has given up may still be under way in
      // Postgres.
      const former = await openPostgresStore({ url: races.url });
      await races.locks.hold(LOCK_RUN, [runs[1]?.runId]);
      const renew = (from: Store, order: typeof runs) => () =>
        from.fleet.renewLeases({ gatewayId: "gateway-a", leaseDurationMs: LEASE_MS, runs: order });
      const [one, two] = await races.locks.inOrder(renew(former, runs), renew(races.store, runs.toReversed()));
      await former.close();
      expect([one.length, two.length]).toEqual([3, 3]);
    });
  });

  describe("delta batches", () => {
    async function steppingRun() {
      const { scene, runId, held } = await races.heldRun();
      await races.store.fleet.commit(commitOf(held, ["run.started", "step.started"]));
      const row = (sub: number) => ({ tenantId: scene.tenantId, runId, epoch: held.epoch, record: delta(4, sub) });
      const events = () => scene.tenant.readEvents({ runId, after: START, limit: 100, factsOnly: false });
      return { scene, runId, held, row, events };
    }
    const INSERT_DELTA = `insert into run_events (tenant_id, run_id, seq, sub, type, payload, created_at)
      select tenant_id, id, 4, $2::int, 'text.delta', '{}', now() from runs where id = $1`;

    test("a batch of deltas waits for no lock of a run's row", async () => {
      const { runId, row, events } = await steppingRun();
      await races.locks.hold(LOCK_RUN, [runId]);
      await races.store.fleet.appendDeltas({ rows: [row(1)] });
      expect((await events()).at(-1)).toMatchObject({ seq: 4, sub: 1 });
    });

    test("a batch of a holder that lost its run lands below the fact that discards its step, where it harms no reader (R8)", async () => {
      const { scene, runId, row, events } = await steppingRun();
      await races.store.fleet.appendDeltas({ rows: [row(1)] });
      // The former holder's batch has read its epoch, and stops at a key that another transaction is writing.
      await races.locks.hold(INSERT_DELTA, [runId, 2]);
      const late = races.store.fleet.appendDeltas({ rows: [row(2), row(3)] });
      await races.locks.waiting(1);
      await races.locks.read("update runs set wake_at = now() - interval '1 second' where id = $1", [runId]);
      const next = await claim(scene, runId, "gateway-b");
      const loaded = await races.store.fleet.loadRun({ tenantId: scene.tenantId, runId, epoch: next.epoch });
      expect(loaded?.lastPosition).toEqual({ seq: 4, sub: 1 });
      const prev = loaded?.lastPosition ?? START;
      const takeover = [fact(5, "run.recovered", { prev }), fact(6, "step.discarded"), fact(7, "step.started")];
      const committed = await races.store.fleet.commit(commitOf(next, [], { afterSeq: 4, facts: takeover }));
      expect(committed.kind).toBe("committed");
      await races.locks.undo();
      await late;
      // Once the run is taken over, a batch of the old epoch writes nothing.
      await races.store.fleet.appendDeltas({ rows: [row(4)] });
      const record = await events();
      expect(record.map(({ seq, sub }) => `${seq}-${sub}`)).toEqual([
        "1-0",
        "2-0",
        "3-0",
        "4-0",
        "4-1",
        "4-2",
        "4-3",
        "5-0",
        "6-0",
        "7-0",
      ]);
      // R8: from every position, the rest of the record is taken without a gap.
      for (const position of [START, ...record]) {
        const rest = await scene.tenant.readEvents({ runId, after: position, limit: 100, factsOnly: false });
        let at = { seq: position.seq, sub: position.sub };
        for (const event of rest) {
          expect(acceptFromStore(at, event)).toBe("take");
          at = { seq: event.seq, sub: event.sub };
        }
        expect(at).toEqual({ seq: 7, sub: 0 });
      }
    });

    test("a commit carries deltas that a batch in flight writes too: each is written once, and there is no deadlock", async () => {
      const [one, two] = [await steppingRun(), await steppingRun()];
      const [low, high] = one.runId < two.runId ? [one, two] : [two, one];
      // The batch has written the first run's deltas and stops at the second's.
      await races.locks.hold(INSERT_DELTA, [high.runId, 1]);
      const batch = races.store.fleet.appendDeltas({ rows: [high.row(1), low.row(2), low.row(1)] });
      await races.locks.waiting(1);
      const closing = commitOf(low.held, [], {
        afterSeq: 4,
        facts: [fact(5, "step.completed", { prev: { seq: 4, sub: 3 } })],
        deltas: [3, 2, 1].map((sub) => delta(4, sub)),
      });
      const committed = races.store.fleet.commit(closing);
      await races.locks.waiting(2);
      await races.locks.undo();
      await batch;
      expect((await committed).kind).toBe("committed");
      const positions = (await low.events()).slice(3).map(({ seq, sub }) => `${seq}-${sub}`);
      expect(positions).toEqual(["4-0", "4-1", "4-2", "4-3", "5-0"]);
      expect((await high.events()).at(-1)).toEqual(delta(4, 1));
    });
  });
});
