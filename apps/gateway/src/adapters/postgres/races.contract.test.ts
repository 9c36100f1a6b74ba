import { START } from "@hsafa/protocol";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { openHolder, type Holder } from "../../../test/contracts/store/interleaving.ts";
import {
  callOf,
  claim,
  claimAll,
  commitOf,
  connect,
  delta,
  endOf,
  fact,
  LEASE_MS,
  openScene,
  parkWithCall,
  resultOf,
  start,
} from "../../../test/contracts/store/scene.ts";
import { type FreshDatabase, freshDatabase, missingServices } from "../../../test/services/services.ts";
import { acceptFromStore } from "../../core/event-record.ts";
import type { Store } from "../../ports/store.ts";
import { openPostgresStore } from "./open-postgres-store.ts";

const LOCK_RUN = "select from runs where id = $1 for update";
const LOCK_CALL = "select from tool_calls where id = $1 for update";
const LOCK_DEVICE = "select from devices where id = $1 for update";
const LOCK_SESSION = "select from device_sessions where id = $1 for update";

/**
 * Statements against each other, each stopped at a lock with the snapshot it took before, then let go one after the
 * other: what PGlite, with its one connection, can never show. After a wait Postgres reads the locked row anew, and
 * nothing else.
 */
describe.skipIf(await missingServices("postgres"))("races on Postgres", () => {
  let database: FreshDatabase;
  let store: Store;
  let holder: Holder;
  beforeAll(async () => {
    database = await freshDatabase();
    store = await openPostgresStore({ url: database.url });
    holder = await openHolder(database.url);
  });
  afterEach(() => holder.undo());
  afterAll(async () => {
    await holder.close();
    await store.close();
    await database.drop();
  });

  async function heldRun(threadId?: string) {
    const scene = await openScene(store);
    const { runId } = await start(scene, { threadId });
    const held = await claim(scene, runId);
    const message = { kind: "message" as const, message: { role: "user" as const, content: "x" } };
    return { scene, runId, held, send: () => scene.tenant.enqueueInput({ runId, input: message, dedupe: null }) };
  }

  const isDue = async (runId: string) => (await claimAll(store)).some((run) => run.runId === runId);
  const inboxOf = async (runId: string) => {
    const [row] = await holder.read<{ inbox: number; waiting: number }>(
      `select inbox, (select count(*)::int from run_inputs where run_id = $1 and not consumed) as waiting from runs where id = $1`,
      [runId],
    );
    return row;
  };

  describe("an input while the holder parks", () => {
    const parkOf = (held: Awaited<ReturnType<typeof claim>>) =>
      commitOf(held, ["run.started", "run.waiting"], {
        status: "waiting_tool",
        inboxMustBe: 0,
        lease: { kind: "release", wakeAt: null },
      });

    test("the input comes first: the park is refused, so that it is seen", async () => {
      const { scene, runId, held, send } = await heldRun();
      await holder.hold(LOCK_RUN, [runId]);
      const [sent, parked] = await holder.inOrder(send, () => store.fleet.commit(parkOf(held)));
      expect([sent.kind, parked.kind]).toEqual(["accepted", "inputs_waiting"]);
      expect(await scene.tenant.readTail({ runId })).toEqual({ status: "queued", lastSeq: 2 });
      expect(await isDue(runId)).toBe(false);
    });

    test("the park comes first: the input makes the run due", async () => {
      const { runId, held, send } = await heldRun();
      await holder.hold(LOCK_RUN, [runId]);
      const [parked, sent] = await holder.inOrder(() => store.fleet.commit(parkOf(held)), send);
      expect([parked.kind, sent]).toEqual(["committed", { kind: "accepted", status: "waiting_tool" }]);
      expect(await isDue(runId)).toBe(true);
    });

    test("the lease is given back: the input finds nobody and makes the run due, or is there before and the run is due anyhow", async () => {
      for (const swap of [false, true]) {
        const { runId, held, send } = await heldRun();
        const release = () =>
          store.fleet.commit(
            commitOf(held, ["run.started"], { lease: { kind: "release", wakeAt: Date.now() + 3600_000 } }),
          );
        await holder.hold(LOCK_RUN, [runId]);
        if (swap) await holder.inOrder(release, send);
        else await holder.inOrder(send, release);
        expect(await isDue(runId)).toBe(true);
      }
    });
  });

  test("a commit that only consumes is sent again while the first try is under way: the input is counted off once", async () => {
    const { scene, runId, held, send } = await heldRun();
    await send();
    await send();
    const read = await store.fleet.readInbox(held);
    const consumed = read?.inbox.inputs.slice(0, 1).map(({ inputId }) => inputId) ?? [];
    const commit = () => store.fleet.commit(commitOf(held, [], { consumed, inboxMustBe: 2, run: { startedAt: null } }));
    await holder.hold(LOCK_RUN, [runId]);
    const [first, second] = await holder.inOrder(commit, commit);
    expect([first.kind, second.kind]).toEqual(["committed", "inputs_waiting"]);
    expect(await inboxOf(runId)).toEqual({ inbox: 1, waiting: 1 });
    expect(await scene.tenant.readTail({ runId })).toMatchObject({ lastSeq: held.lastSeq });
  });

  test("a fact that stands already fails the commit: it is not overwritten, and none is dropped in silence", async () => {
    const { scene, runId, held } = await heldRun();
    await holder.read(
      "insert into run_events select tenant_id, run_id, $2, 0, 2, 0, 'run.waiting', '{}', now() from run_events where run_id = $1 limit 1",
      [runId, held.lastSeq + 2],
    );
    const commit = commitOf(held, ["run.started", "step.started"], { deltas: [delta(2, 1)] });
    await expect(store.fleet.commit(commit)).rejects.toThrow("was refused although its row fits");
    const events = await scene.tenant.readEvents({ runId, after: START, limit: 10, factsOnly: false });
    expect(events.map(({ seq, type }) => `${seq} ${type}`)).toEqual([
      "1 run.created",
      "2 message.user",
      "4 run.waiting",
    ]);
  });

  describe("an input while the run ends", () => {
    test("the input comes first: the end is refused, so that it is seen", async () => {
      const { runId, held, send } = await heldRun();
      await holder.hold(LOCK_RUN, [runId]);
      const [sent, ended] = await holder.inOrder(send, () => store.fleet.commit(endOf(held, { inboxMustBe: 0 })));
      expect([sent.kind, ended.kind]).toEqual(["accepted", "inputs_waiting"]);
    });

    test("the end comes first: the input is refused, never accepted and then unseen", async () => {
      const { runId, held, send } = await heldRun();
      await holder.hold(LOCK_RUN, [runId]);
      const [ended, sent] = await holder.inOrder(() => store.fleet.commit(endOf(held, { inboxMustBe: 0 })), send);
      expect([ended.kind, sent]).toEqual(["committed", { kind: "ended", status: "completed" }]);
      expect(await inboxOf(runId)).toEqual({ inbox: 0, waiting: 0 });
    });

    test("two inputs under one dedupe key at the same moment raise the counter once", async () => {
      const { scene, runId } = await heldRun();
      const send = () =>
        scene.tenant.enqueueInput({
          runId,
          input: { kind: "cancel", reason: null },
          dedupe: { key: "cancel", bodyHash: "" },
        });
      await holder.hold(LOCK_RUN, [runId]);
      const [one, two] = await holder.inOrder(send, send);
      expect([one.kind, two.kind].toSorted()).toEqual(["accepted", "duplicate"]);
      expect(await inboxOf(runId)).toEqual({ inbox: 1, waiting: 1 });
    });
  });

  describe("an approval", () => {
    async function heldCall() {
      const scene = await openScene(store);
      const awaiting = { status: "awaiting_approval", attempt: 0, dispatchedAt: null, deadline: null } as const;
      const { runId, call, lastSeq } = await parkWithCall(scene, awaiting);
      await holder.read("update runs set wake_at = now() where id = $1", [runId]);
      const held = await claim(scene, runId);
      const { callId } = call;
      const input = { kind: "approval", callId, approved: true, reason: null, by: "a person" } as const;
      const approve = () =>
        scene.tenant.enqueueInput({ runId, input, dedupe: { key: `approval:${callId}`, bodyHash: "true" } });
      const expired = { ...call, status: "expired" as const, settledAt: Date.now() };
      const expire = () =>
        store.fleet.commit(commitOf(held, ["tool.expired"], { afterSeq: lastSeq, calls: [expired], inboxMustBe: 0 }));
      return { runId, callId, approve, expire };
    }

    test("it comes before the commit that expires its call: that commit is refused, so that the approval is seen", async () => {
      const { runId, approve, expire } = await heldCall();
      await holder.hold(LOCK_RUN, [runId]);
      const [approved, expired] = await holder.inOrder(approve, expire);
      expect([approved.kind, expired.kind]).toEqual(["accepted", "inputs_waiting"]);
    });

    test("it comes behind the commit that expires its call: it is refused, although its own snapshot saw the call waiting", async () => {
      const { runId, approve, expire } = await heldCall();
      await holder.hold(LOCK_RUN, [runId]);
      const [expired, approved] = await holder.inOrder(expire, approve);
      expect([expired.kind, approved]).toEqual(["committed", { kind: "call_not_awaiting", callStatus: "expired" }]);
      expect(await inboxOf(runId)).toEqual({ inbox: 0, waiting: 0 });
    });

    test("it waits while that commit is half done: no deadlock, and the same refusal", async () => {
      const { runId, callId, approve, expire } = await heldCall();
      await holder.hold(LOCK_CALL, [callId]);
      const [expired, approved] = await holder.inOrder(expire, approve);
      expect([expired.kind, approved]).toEqual(["committed", { kind: "call_not_awaiting", callStatus: "expired" }]);
      expect(await inboxOf(runId)).toEqual({ inbox: 0, waiting: 0 });
    });
  });

  describe("a tool result", () => {
    async function heldCall() {
      const scene = await openScene(store);
      const { runId, call, lastSeq } = await parkWithCall(scene);
      // Whatever wakes the run: its holder is about to find the deadline passed.
      await holder.read("update runs set wake_at = now() where id = $1", [runId]);
      const held = await claim(scene, runId);
      const submit = (hash: string) => () =>
        scene.tenant.submitToolResult(resultOf(call.callId, hash, { kind: "http", runId }));
      const expired = { ...call, status: "expired" as const, settledAt: Date.now() };
      const expire = () =>
        store.fleet.commit(commitOf(held, ["tool.expired"], { afterSeq: lastSeq, calls: [expired], inboxMustBe: 0 }));
      return { scene, runId, call, held, submit, expire };
    }

    test("it comes before the commit that expires its call: that commit is refused, so that the result is seen", async () => {
      const { scene, runId, call, submit, expire } = await heldCall();
      await holder.hold(LOCK_RUN, [runId]);
      const [submitted, expired] = await holder.inOrder(submit("a"), expire);
      expect([submitted.kind, expired.kind]).toEqual(["accepted", "inputs_waiting"]);
      expect((await scene.tenant.findCall({ callId: call.callId }))?.status).toBe("dispatched");
    });

    test("it comes behind the commit that expires its call: it is refused, although its own snapshot saw the call out", async () => {
      const { runId, submit, expire } = await heldCall();
      await holder.hold(LOCK_RUN, [runId]);
      const [expired, submitted] = await holder.inOrder(expire, submit("a"));
      expect([expired.kind, submitted]).toEqual(["committed", { kind: "conflict", status: "expired" }]);
      expect(await inboxOf(runId)).toEqual({ inbox: 0, waiting: 0 });
    });

    test("it waits while that commit is half done: no deadlock, and the same refusal", async () => {
      const { call, runId, submit, expire } = await heldCall();
      // The commit has the run's row and stops at the call's; the result stops at the run's.
      await holder.hold(LOCK_CALL, [call.callId]);
      const [expired, submitted] = await holder.inOrder(expire, submit("a"));
      expect([expired.kind, submitted]).toEqual(["committed", { kind: "conflict", status: "expired" }]);
      expect(await inboxOf(runId)).toEqual({ inbox: 0, waiting: 0 });
    });

    test("two different ones at the same moment: one wins, the other is refused", async () => {
      const { runId, submit } = await heldCall();
      await holder.hold(LOCK_RUN, [runId]);
      const [one, two] = await holder.inOrder(submit("a"), submit("b"));
      expect([one.kind, two]).toEqual(["accepted", { kind: "conflict", status: "dispatched" }]);
      expect(await inboxOf(runId)).toEqual({ inbox: 1, waiting: 1 });
    });

    test("the same one twice at the same moment counts once", async () => {
      const { runId, submit } = await heldCall();
      await holder.hold(LOCK_RUN, [runId]);
      const [one, two] = await holder.inOrder(submit("a"), submit("a"));
      expect([one.kind, two.kind]).toEqual(["accepted", "duplicate"]);
      expect(await inboxOf(runId)).toEqual({ inbox: 1, waiting: 1 });
    });

    test("a call that expires while it is being sent is not sent", async () => {
      const { scene, call, expire } = await heldCall();
      const { sessionId } = await connect(scene);
      await holder.hold(LOCK_CALL, [call.callId]);
      const mark = () => scene.tenant.markSent({ callId: call.callId, attempt: 1, sessionId });
      const [expired, sent] = await holder.inOrder(expire, mark);
      expect([expired.kind, sent]).toEqual(["committed", false]);
    });

    test("two devices are about to be sent one call: one is", async () => {
      const { scene, call } = await heldCall();
      const [one, two] = [await connect(scene), await connect(scene)];
      const mark = (sessionId: string) => () => scene.tenant.markSent({ callId: call.callId, attempt: 1, sessionId });
      await holder.hold(LOCK_CALL, [call.callId]);
      expect(await holder.inOrder(mark(one.sessionId), mark(two.sessionId))).toEqual([true, false]);
    });
  });

  describe("the end of a device's session", () => {
    /** Both statements lock both rows: they are stopped at either, in either order. */
    const STOPS = [
      { stop: "device", first: "the end" },
      { stop: "device", first: "the other" },
      { stop: "session", first: "the end" },
      { stop: "session", first: "the other" },
    ] as const;
    type Stop = (typeof STOPS)[number];

    async function connected() {
      const scene = await openScene(store);
      const { deviceId, sessionId } = await connect(scene, { deviceKey: "k" });
      const end = () => scene.tenant.endDeviceSession({ sessionId, reason: "closed" });
      const endAgainst = async <T>(other: () => Promise<T>, { stop, first }: Stop): Promise<T> => {
        if (stop === "device") await holder.hold(LOCK_DEVICE, [deviceId]);
        else await holder.hold(LOCK_SESSION, [sessionId]);
        if (first === "the other") return (await holder.inOrder(other, end))[0];
        return (await holder.inOrder(end, other))[1];
      };
      const find = () => scene.tenant.findDevice({ deviceId });
      return { scene, deviceId, sessionId, endAgainst, find };
    }

    test.each(STOPS)(
      "its device registers elsewhere at the same moment, while the $stop is held and $first comes first: no deadlock, and the new session alone is open",
      async (stop) => {
        const { scene, deviceId, sessionId, endAgainst, find } = await connected();
        const register = () => connect(scene, { deviceKey: "k", gatewayId: "gateway-b" });
        const next = await endAgainst(register, stop);
        expect(next.deviceId).toBe(deviceId);
        const reason = stop.first === "the end" ? "closed" : "replaced";
        expect(await find()).toMatchObject({
          online: true,
          sessions: [
            { id: next.sessionId, gatewayId: "gateway-b", disconnectedAt: null, reason: null },
            { id: sessionId, reason },
          ],
        });
      },
    );

    test.each(STOPS)(
      "its device is deleted at the same moment, while the $stop is held and $first comes first: no deadlock, and nothing is left",
      async (stop) => {
        const { scene, deviceId, endAgainst, find } = await connected();
        expect(await endAgainst(() => scene.tenant.deleteDevice({ deviceId }), stop)).toBe(true);
        expect(await find()).toBeNull();
        expect(await holder.read("select id from device_sessions where device_id = $1", [deviceId])).toEqual([]);
      },
    );
  });

  describe("two gateways and one run", () => {
    /** What a claim by another gateway writes, held open as long as the test likes. */
    const CLAIM = `update runs set epoch = epoch + 1, lease_owner = 'gateway-b', wake_at = now() + interval '1 minute' where id = $1`;

    test("a commit that waits behind another's claim is fenced, and leaves no trace", async () => {
      const { scene, runId, held } = await heldRun();
      await holder.hold(CLAIM, [runId]);
      const call = callOf();
      const late = store.fleet.commit(commitOf(held, ["run.started"], { deltas: [delta(2, 1)], calls: [call] }));
      await holder.waiting(1);
      await holder.release();
      expect(await late).toEqual({ kind: "fenced" });
      const events = await scene.tenant.readEvents({ runId, after: START, limit: 10, factsOnly: false });
      expect(events.map((event) => event.seq)).toEqual([1, 2]);
      expect(await scene.tenant.findCall({ callId: call.callId })).toBeNull();
    });

    test("a renewal that waits behind another's claim is told that the lease is lost", async () => {
      const { runId, held } = await heldRun();
      await holder.hold(CLAIM, [runId]);
      const renewal = store.fleet.renewLeases({ gatewayId: "gateway-a", leaseDurationMs: LEASE_MS, runs: [held] });
      await holder.waiting(1);
      await holder.release();
      expect(await renewal).toEqual([]);
      await store.fleet.releaseLeases({ runs: [held] });
      const [row] = await holder.read<{ lease_owner: string }>("select lease_owner from runs where id = $1", [runId]);
      expect(row?.lease_owner).toBe("gateway-b");
    });

    test("a claim does not wait for a lease that is just being renewed, and does not take it", async () => {
      const { runId } = await heldRun();
      await holder.read("update runs set wake_at = now() - interval '1 second' where id = $1", [runId]);
      await holder.hold("update runs set wake_at = now() + interval '1 minute' where id = $1", [runId]);
      expect(await isDue(runId)).toBe(false);
      await holder.release();
      expect(await isDue(runId)).toBe(false);
    });

    test("a late renewal that waits behind nobody's claim saves the lease", async () => {
      const { runId, held } = await heldRun();
      await holder.read("update runs set wake_at = now() - interval '1 second' where id = $1", [runId]);
      await holder.hold(LOCK_RUN, [runId]);
      const renewal = store.fleet.renewLeases({ gatewayId: "gateway-a", leaseDurationMs: LEASE_MS, runs: [held] });
      await holder.waiting(1);
      expect(await isDue(runId)).toBe(false);
      await holder.release();
      expect(await renewal).toEqual([{ runId, epoch: held.epoch, inbox: 0 }]);
      expect(await isDue(runId)).toBe(false);
    });

    test("two beats of one gateway with its runs in another order do not lock each other out", async () => {
      const runs = [await heldRun(), await heldRun(), await heldRun()].map((run) => run.held);
      // A store sends its own beats one after the other; a beat that its gateway has given up may still be under way in
      // Postgres.
      const former = await openPostgresStore({ url: database.url });
      await holder.hold(LOCK_RUN, [runs[1]?.runId]);
      const beat = (from: Store, order: typeof runs) => () =>
        from.fleet.renewLeases({ gatewayId: "gateway-a", leaseDurationMs: LEASE_MS, runs: order });
      const [one, two] = await holder.inOrder(beat(former, runs), beat(store, runs.toReversed()));
      await former.close();
      expect([one.length, two.length]).toEqual([3, 3]);
    });
  });

  describe("delta batches", () => {
    async function steppingRun() {
      const { scene, runId, held } = await heldRun();
      await store.fleet.commit(commitOf(held, ["run.started", "step.started"]));
      const row = (sub: number) => ({ tenantId: scene.tenantId, runId, epoch: held.epoch, record: delta(4, sub) });
      const events = () => scene.tenant.readEvents({ runId, after: START, limit: 100, factsOnly: false });
      return { scene, runId, held, row, events };
    }
    const INSERT_DELTA = `insert into run_events (tenant_id, run_id, seq, sub, type, payload, created_at)
      select tenant_id, id, 4, $2::int, 'text.delta', '{}', now() from runs where id = $1`;

    test("a batch waits for no run's row, whoever holds it", async () => {
      const { runId, row, events } = await steppingRun();
      await holder.hold(LOCK_RUN, [runId]);
      await store.fleet.appendDeltas({ rows: [row(1)] });
      expect((await events()).at(-1)).toMatchObject({ seq: 4, sub: 1 });
    });

    test("a batch of a holder that lost its run lands below the fact that discards its step, where it harms no reader", async () => {
      const { scene, runId, row, events } = await steppingRun();
      await store.fleet.appendDeltas({ rows: [row(1)] });
      // The zombie's batch has read its epoch and stops at a key that somebody else is writing.
      await holder.hold(INSERT_DELTA, [runId, 2]);
      const zombie = store.fleet.appendDeltas({ rows: [row(2), row(3)] });
      await holder.waiting(1);
      await holder.read("update runs set wake_at = now() - interval '1 second' where id = $1", [runId]);
      const next = await claim(scene, runId, "gateway-b");
      const loaded = await store.fleet.loadRun({ tenantId: scene.tenantId, runId, epoch: next.epoch });
      expect(loaded?.lastPosition).toEqual({ seq: 4, sub: 1 });
      const prev = loaded?.lastPosition ?? START;
      const takeover = [fact(5, "run.recovered", { prev }), fact(6, "step.discarded"), fact(7, "step.started")];
      const committed = await store.fleet.commit(commitOf(next, [], { afterSeq: 4, facts: takeover }));
      expect(committed.kind).toBe("committed");
      await holder.undo();
      await zombie;
      // Once the run is taken over, a batch of the old epoch writes nothing.
      await store.fleet.appendDeltas({ rows: [row(4)] });
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

    test("a commit carries deltas that a batch in flight holds: each is written once, and neither locks the other out", async () => {
      const [one, two] = [await steppingRun(), await steppingRun()];
      const [low, high] = one.runId < two.runId ? [one, two] : [two, one];
      // The batch has written the first run's deltas and stops at the second's.
      await holder.hold(INSERT_DELTA, [high.runId, 1]);
      const batch = store.fleet.appendDeltas({ rows: [high.row(1), low.row(2), low.row(1)] });
      await holder.waiting(1);
      const closing = commitOf(low.held, [], {
        afterSeq: 4,
        facts: [fact(5, "step.completed", { prev: { seq: 4, sub: 3 } })],
        deltas: [3, 2, 1].map((sub) => delta(4, sub)),
      });
      const committed = store.fleet.commit(closing);
      await holder.waiting(2);
      await holder.undo();
      await batch;
      expect((await committed).kind).toBe("committed");
      const positions = (await low.events()).slice(3).map(({ seq, sub }) => `${seq}-${sub}`);
      expect(positions).toEqual(["4-0", "4-1", "4-2", "4-3", "5-0"]);
      expect((await high.events()).at(-1)).toEqual(delta(4, 1));
    });
  });

  describe("a thread", () => {
    const LOCK_THREAD = "select from threads where tenant_id = $1 for update";

    test("a run starts while the one before ends, in either order: it is due, and once", async () => {
      for (const endFirst of [true, false]) {
        const { scene, held } = await heldRun("t");
        await holder.hold(LOCK_THREAD, [scene.tenantId]);
        const end = () => store.fleet.commit(endOf(held));
        const begin = () => start(scene, { threadId: "t" });
        const [ended, begun] = endFirst
          ? await holder.inOrder(end, begin)
          : (await holder.inOrder(begin, end)).toReversed();
        const { runId } = begun as Awaited<ReturnType<typeof begin>>;
        expect(ended).toEqual({ kind: "committed", wakes: endFirst ? [] : [runId] });
        const due = (await claimAll(store)).filter((run) => run.tenantId === scene.tenantId);
        expect(due.map((run) => run.runId)).toEqual([runId]);
      }
    });

    test("two runs of one thread end at once, one of them canceled out of its turn: the third is due, and nothing is locked out", async () => {
      const { scene, held } = await heldRun("t");
      const second = await start(scene, { threadId: "t" });
      const third = await start(scene, { threadId: "t" });
      const dedupe = { key: "cancel", bodyHash: "" };
      await scene.tenant.enqueueInput({ runId: second.runId, input: { kind: "cancel", reason: null }, dedupe });
      const canceled = await claim(scene, second.runId);
      await holder.hold(LOCK_THREAD, [scene.tenantId]);
      const [one, two] = await holder.inOrder(
        () => store.fleet.commit(endOf(held)),
        () => store.fleet.commit(endOf(canceled, { status: "canceled" })),
      );
      expect([one.kind, two.kind]).toEqual(["committed", "committed"]);
      expect([one, two].flatMap((outcome) => (outcome.kind === "committed" ? outcome.wakes : []))).toContain(
        third.runId,
      );
      const due = (await claimAll(store)).filter((run) => run.tenantId === scene.tenantId);
      expect(due.map((run) => run.runId)).toEqual([third.runId]);
    });

    test("the gateway dies between the end of a run and waking the next: the sweep wakes it", async () => {
      const { scene, held } = await heldRun("t");
      const next = await start(scene, { threadId: "t" });
      await store.fleet.commit(endOf(held));
      await holder.read("update runs set wake_at = null where id = $1", [next.runId]);
      expect(await isDue(next.runId)).toBe(false);
      expect(await store.fleet.sweep({ gatewayTimeoutMs: 60_000 })).toContain(next.runId);
      expect(await isDue(next.runId)).toBe(true);
      expect(await store.fleet.sweep({ gatewayTimeoutMs: 60_000 })).not.toContain(next.runId);
    });
  });
});
