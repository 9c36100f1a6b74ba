import { START } from "@hsafa/protocol";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { EventRecord } from "../../src/core/event-record.ts";
import type { LiveLog, LiveMessage } from "../../src/ports/live-log.ts";
import { asTenantId } from "../../src/core/tenant-id.ts";

export interface LiveLogSubject {
  readonly liveLog: LiveLog;
  /** The same live log as seen from another gateway. In memory it is the same object. */
  readonly elsewhere: LiveLog;
  /** Makes the log forget a run of `LIVE_LOG_SUITE_TENANT`, as a flushed or replaced Redis does. */
  readonly wipe: (runId: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Bounds of every subject, small enough for a test to reach. */
export const LIVE_LOG_SUITE_BOUNDS = { recordsMax: 300 };
/** The tenant whose logs the suite uses, unless a test says otherwise. */
export const LIVE_LOG_SUITE_TENANT = asTenantId("0198c0de-0000-7000-8000-00000000000a");
const STRANGER = asTenantId("0198c0de-0000-7000-8000-00000000000b");
/** Records that trimming may lag behind: Redis cuts nodes of 100 entries, memory a batch at a time. */
const TRIM_SLACK_RECORDS = 200;

/** A delta of the step that fact `seq` started. */
export function delta(seq: number, sub: number, text = `${seq}-${sub}`): EventRecord {
  const payload = JSON.stringify({ step: 1, partId: "p", text });
  return { seq, sub, prev: null, type: "text.delta", ts: 1_700_000_000_000 + sub, payload };
}

export function fact(seq: number, prev: { seq: number; sub: number }): EventRecord {
  return { seq, sub: 0, prev, type: "step.started", ts: 1_700_000_000_000, payload: '{"step":1}' };
}

/**
 * A listener that keeps what it hears, and on which a test can wait. It counts `resync` apart, because that may come at
 * any time.
 */
export function ear() {
  const messages: LiveMessage[] = [];
  let resyncs = 0;
  return {
    messages,
    listener: (message: LiveMessage) => {
      if (message.kind === "resync") resyncs += 1;
      else messages.push(message);
    },
    records: () => messages.flatMap((message) => (message.kind === "records" ? message.records : [])),
    resyncs: () => resyncs,
    async hears(condition: (messages: readonly LiveMessage[]) => boolean) {
      await vi.waitFor(() => expect(condition(messages)).toBe(true), { timeout: 5000, interval: 5 });
    },
  };
}

/** The guarantees of `ports/live-log.ts`, for every adapter. */
export function liveLogSuite(name: string, open: () => Promise<LiveLogSubject>): void {
  describe(`live log: ${name}`, () => {
    let opened: LiveLogSubject | null = null;
    const start = async () => {
      opened = await open();
      const { liveLog: bus, elsewhere: busElsewhere, wipe } = opened;
      return {
        bus,
        busElsewhere,
        liveLog: bus.forTenant(LIVE_LOG_SUITE_TENANT),
        elsewhere: busElsewhere.forTenant(LIVE_LOG_SUITE_TENANT),
        wipe,
        runId: crypto.randomUUID(),
      };
    };
    afterEach(async () => {
      await opened?.close();
      opened = null;
    });

    test("what was appended is read back whole and in order, with any text in it", async () => {
      const { liveLog, elsewhere, runId } = await start();
      const records = [
        fact(1, START),
        delta(1, 1, 'quotes " and \\ and \n and \u2028 and \u0000'),
        delta(1, 2, "日本語 🙂 \ud800 lone"),
        { ...fact(2, { seq: 1, sub: 2 }), payload: '{"empty":"","nested":[[],{}]}' },
      ];
      const outcome = await liveLog.append({ runId, records });
      expect(outcome).toEqual({ kind: "appended", accepted: records });
      expect(await elsewhere.read({ runId, after: START, limit: 100 })).toEqual(records);
    });

    test("reading starts after a position, whether it is held or not, and keeps to its limit", async () => {
      const { liveLog, runId } = await start();
      const records = [fact(1, START), delta(1, 1), delta(1, 2), delta(1, 5), fact(2, { seq: 1, sub: 5 })];
      await liveLog.append({ runId, records });
      expect(await liveLog.read({ runId, after: { seq: 1, sub: 1 }, limit: 100 })).toEqual(records.slice(2));
      expect(await liveLog.read({ runId, after: { seq: 1, sub: 3 }, limit: 1 })).toEqual(records.slice(3, 4));
      expect(await liveLog.read({ runId, after: { seq: 2, sub: 0 }, limit: 100 })).toEqual([]);
      expect(await liveLog.read({ runId: crypto.randomUUID(), after: START, limit: 100 })).toEqual([]);
    });

    test("a stale writer is refused, and what was refused is never published (R2)", async () => {
      const { liveLog, elsewhere, runId } = await start();
      const heard = ear();
      await elsewhere.subscribe({ runId, listener: heard.listener });
      const top = [fact(3, { seq: 2, sub: 0 }), delta(3, 1)];
      await liveLog.append({ runId, records: top });
      for (const stale of [delta(3, 1, "the same position, another text"), delta(2, 9), fact(1, START)]) {
        expect(await liveLog.append({ runId, records: [stale] })).toEqual({ kind: "appended", accepted: [] });
      }
      await liveLog.append({ runId, records: [delta(3, 2)] });
      await heard.hears(() => heard.records().length >= 3);
      expect(heard.records()).toEqual([...top, delta(3, 2)]);
      expect(await liveLog.read({ runId, after: START, limit: 100 })).toEqual([...top, delta(3, 2)]);
    });

    test("facts of a run that took another way than the log holds are told apart from old news, and nothing is published", async () => {
      const { liveLog, elsewhere, runId } = await start();
      const heard = ear();
      const lost = [fact(1, START), fact(2, { seq: 1, sub: 0 }), fact(3, { seq: 2, sub: 0 })];
      await liveLog.append({ runId, records: lost });
      await elsewhere.subscribe({ runId, listener: heard.listener });
      const other = { ...fact(2, { seq: 1, sub: 0 }), ts: 1_800_000_000_000 };
      expect(await elsewhere.append({ runId, records: [other] })).toEqual({ kind: "other_history" });
      const renamed = { ...fact(3, { seq: 2, sub: 0 }), type: "run.waiting" as const };
      expect(await elsewhere.append({ runId, records: [renamed, fact(4, { seq: 3, sub: 0 })] })).toEqual({
        kind: "other_history",
      });
      // What the log holds already is old news.
      expect(await elsewhere.append({ runId, records: lost })).toEqual({ kind: "appended", accepted: [] });
      await liveLog.append({ runId, records: [fact(4, { seq: 3, sub: 0 })] });
      await heard.hears(() => heard.records().length > 0);
      expect(heard.records()).toEqual([fact(4, { seq: 3, sub: 0 })]);
    });

    test("a writer that names the fact below finds a lost history, and begins the log anew where that fact is missing", async () => {
      const { liveLog, elsewhere, runId } = await start();
      const lost = [fact(1, START), fact(2, { seq: 1, sub: 0 })];
      await liveLog.append({ runId, records: lost });
      const below = { ...fact(2, { seq: 1, sub: 0 }), ts: 1_800_000_000_000 };
      const third = fact(3, { seq: 2, sub: 0 });
      expect(await elsewhere.append({ runId, records: [third], below })).toEqual({ kind: "other_history" });
      expect(await elsewhere.append({ runId, records: [third], below: lost[1] ?? null })).toMatchObject({
        accepted: [third],
      });
      // The log has a hole: facts 4 to 6 never came, and what lies below may be of another history.
      const seventh = fact(7, { seq: 6, sub: 0 });
      const hole = fact(6, { seq: 5, sub: 0 });
      expect(await elsewhere.append({ runId, records: [seventh], below: hole })).toMatchObject({ accepted: [seventh] });
      expect(await liveLog.read({ runId, after: START, limit: 100 })).toEqual([seventh]);
    });

    test("what a former generation holds is not seen, and its writers are not heard", async () => {
      const { bus, liveLog, runId } = await start();
      const lost = [fact(1, START), fact(2, { seq: 1, sub: 0 })];
      await liveLog.append({ runId, records: lost });
      bus.enter("0badcafe");
      expect(await liveLog.read({ runId, after: START, limit: 100 })).toEqual([]);
      const heard = ear();
      await liveLog.subscribe({ runId, listener: heard.listener });
      expect(await liveLog.append({ runId, records: [fact(1, START)] })).toMatchObject({ kind: "appended" });
      await heard.hears(() => heard.records().length > 0);
      expect(heard.records()).toEqual([fact(1, START)]);
    });

    test("of a batch sent again only what is new is accepted and published (R4)", async () => {
      const { liveLog, elsewhere, runId } = await start();
      const heard = ear();
      await elsewhere.subscribe({ runId, listener: heard.listener });
      await liveLog.append({ runId, records: [delta(1, 1), delta(1, 2)] });
      const again = await liveLog.append({ runId, records: [delta(1, 1), delta(1, 2), delta(1, 3), delta(1, 4)] });
      expect(again).toEqual({ kind: "appended", accepted: [delta(1, 3), delta(1, 4)] });
      const unordered = await liveLog.append({ runId, records: [delta(1, 6), delta(1, 5), delta(1, 7)] });
      expect(unordered).toEqual({ kind: "appended", accepted: [delta(1, 6), delta(1, 7)] });
      await heard.hears((messages) => messages.length >= 3);
      expect(heard.messages).toEqual([
        { kind: "records", records: [delta(1, 1), delta(1, 2)] },
        { kind: "records", records: [delta(1, 3), delta(1, 4)] },
        { kind: "records", records: [delta(1, 6), delta(1, 7)] },
      ]);
    });

    test("of two writers that race for the same positions one wins each, and their batches never mix", async () => {
      const { liveLog, elsewhere, runId } = await start();
      const heard = ear();
      await liveLog.subscribe({ runId, listener: heard.listener });
      const batches = Array.from({ length: 50 }, (_, n) => [1, 2, 3, 4].map((i) => n * 4 + i));
      const outcomes = await Promise.all(
        batches.flatMap((subs) =>
          [liveLog, elsewhere].map((log, writer) => {
            const records = subs.map((sub) => delta(1, sub, `writer ${writer}`));
            return log.append({ runId, records });
          }),
        ),
      );
      const accepted = outcomes.flatMap((outcome) => (outcome.kind === "appended" ? [outcome.accepted] : []));
      expect(accepted).toHaveLength(outcomes.length);
      const batchesAccepted = accepted.filter((records) => records.length > 0);
      const stored = await liveLog.read({ runId, after: START, limit: 1000 });
      await heard.hears(() => heard.records().length >= stored.length);
      expect(heard.records()).toEqual(stored);
      expect(new Set(stored.map((record) => record.sub)).size).toBe(stored.length);
      const bySub = (a: readonly EventRecord[], b: readonly EventRecord[]) => (a[0]?.sub ?? 0) - (b[0]?.sub ?? 0);
      expect(heard.messages).toEqual(batchesAccepted.toSorted(bySub).map((records) => ({ kind: "records", records })));
    });

    test("a long run keeps its newest records and forgets the oldest (R9)", async () => {
      const { liveLog, runId } = await start();
      for (let sub = 1; sub <= 1000; sub += 50) {
        await liveLog.append({ runId, records: Array.from({ length: 50 }, (_, i) => delta(1, sub + i)) });
      }
      const kept = await liveLog.read({ runId, after: START, limit: 2000 });
      expect(kept.length).toBeGreaterThanOrEqual(LIVE_LOG_SUITE_BOUNDS.recordsMax);
      expect(kept.length).toBeLessThanOrEqual(LIVE_LOG_SUITE_BOUNDS.recordsMax + TRIM_SLACK_RECORDS);
      expect(kept.map((record) => record.sub)).toEqual(kept.map((_, i) => 1001 - kept.length + i));
    });

    test("after a wipe any position is accepted again", async () => {
      const { liveLog, elsewhere, runId, wipe } = await start();
      await liveLog.append({ runId, records: [fact(7, { seq: 6, sub: 0 }), delta(7, 1)] });
      await wipe(runId);
      expect(await liveLog.read({ runId, after: START, limit: 100 })).toEqual([]);
      expect(await elsewhere.append({ runId, records: [delta(3, 4)] })).toEqual({
        kind: "appended",
        accepted: [delta(3, 4)],
      });
      expect(await liveLog.read({ runId, after: START, limit: 100 })).toEqual([delta(3, 4)]);
    });

    test("what is appended after `subscribe` resolved is heard by every listener on every gateway", async () => {
      const { liveLog, elsewhere, runId } = await start();
      for (let round = 1; round <= 20; round++) {
        const id = `${runId.slice(0, -2)}${round + 10}`;
        const [here, there, twice] = [ear(), ear(), ear()];
        await Promise.all([
          liveLog.subscribe({ runId: id, listener: here.listener }),
          elsewhere.subscribe({ runId: id, listener: there.listener }),
          elsewhere.subscribe({ runId: id, listener: twice.listener }),
          elsewhere.subscribe({ runId: id, listener: twice.listener }),
        ]);
        await liveLog.append({ runId: id, records: [delta(1, round)] });
        const message = { kind: "records", records: [delta(1, round)] };
        await here.hears((all) => all.length >= 1);
        await there.hears((all) => all.length >= 1);
        await twice.hears((all) => all.length >= 2);
        expect([here.messages, there.messages, twice.messages]).toEqual([[message], [message], [message, message]]);
      }
    });

    test("a listener that unsubscribed hears nothing more, and the others hear on", async () => {
      const { liveLog, runId } = await start();
      const [gone, stays] = [ear(), ear()];
      const subscription = await liveLog.subscribe({ runId, listener: gone.listener });
      await liveLog.subscribe({ runId, listener: stays.listener });
      subscription.unsubscribe();
      subscription.unsubscribe();
      await liveLog.append({ runId, records: [delta(1, 1)] });
      await stays.hears((messages) => messages.length === 1);
      expect(gone.messages).toEqual([]);
    });

    test("a subscription right after the last listener left hears again", async () => {
      const { liveLog, elsewhere, runId } = await start();
      for (let sub = 1; sub <= 20; sub++) {
        const heard = ear();
        const subscription = await liveLog.subscribe({ runId, listener: heard.listener });
        await elsewhere.append({ runId, records: [delta(1, sub)] });
        await heard.hears((messages) => messages.length === 1);
        subscription.unsubscribe();
      }
    });

    test("runs do not hear each other", async () => {
      const { liveLog, elsewhere, runId } = await start();
      const heard = ear();
      await liveLog.subscribe({ runId, listener: heard.listener });
      await elsewhere.append({ runId: crypto.randomUUID(), records: [delta(1, 1)] });
      await elsewhere.append({ runId, records: [delta(1, 2)] });
      await heard.hears((messages) => messages.length > 0);
      expect(heard.records()).toEqual([delta(1, 2)]);
    });

    test("the id of another tenant's run reads nothing, hears nothing and writes nothing (R10)", async () => {
      const { bus, busElsewhere, liveLog, runId } = await start();
      const [owners, strangers] = [ear(), ear()];
      const stranger = busElsewhere.forTenant(STRANGER);
      await stranger.subscribe({ runId, listener: strangers.listener });
      await liveLog.subscribe({ runId, listener: owners.listener });
      const records = [fact(1, START), delta(1, 1)];
      await liveLog.append({ runId, records });
      liveLog.sendProgress({ runId, json: '{"of":"the owner"}' });
      expect(await stranger.read({ runId, after: START, limit: 100 })).toEqual([]);

      // What stands in the owner's log neither refuses a stranger's write nor ends the owner's history.
      const other = { ...fact(1, START), ts: 1_800_000_000_000 };
      expect(await stranger.append({ runId, records: [other] })).toEqual({ kind: "appended", accepted: [other] });
      stranger.sendProgress({ runId, json: '{"of":"the stranger"}' });
      await strangers.hears((messages) => messages.length >= 2);
      expect(strangers.messages).toEqual([
        { kind: "records", records: [other] },
        { kind: "progress", json: '{"of":"the stranger"}' },
      ]);

      await bus.forTenant(LIVE_LOG_SUITE_TENANT).append({ runId, records: [delta(1, 2)] });
      await owners.hears(() => owners.records().length >= 3);
      expect(owners.messages).toEqual([
        { kind: "records", records },
        { kind: "progress", json: '{"of":"the owner"}' },
        { kind: "records", records: [delta(1, 2)] },
      ]);
      expect(await liveLog.read({ runId, after: START, limit: 100 })).toEqual([...records, delta(1, 2)]);
    });

    test("progress reaches present listeners once, and is not kept", async () => {
      const { liveLog, elsewhere, runId } = await start();
      const heard = ear();
      elsewhere.sendProgress({ runId, json: '{"before":"anybody watched"}' });
      // It comes after the progress, which has therefore gone out before the subscription.
      await elsewhere.append({ runId, records: [fact(1, START)] });
      await liveLog.subscribe({ runId, listener: heard.listener });
      const json = '{"runId":"r","type":"tool.progress","data":{"text":"50 %\\n 🙂"}}';
      elsewhere.sendProgress({ runId, json });
      await elsewhere.append({ runId, records: [delta(1, 1)] });
      await heard.hears(() => heard.records().length === 1);
      expect(heard.messages.filter((message) => message.kind === "progress")).toEqual([{ kind: "progress", json }]);
      expect(await liveLog.read({ runId, after: START, limit: 100 })).toEqual([fact(1, START), delta(1, 1)]);
    });

    test("a listener that throws harms neither the writer nor the other listeners", async () => {
      const { liveLog, runId } = await start();
      const heard = ear();
      const broken = () => {
        throw new Error("a bug of this listener");
      };
      await liveLog.subscribe({ runId, listener: broken });
      await liveLog.subscribe({ runId, listener: heard.listener });
      expect(await liveLog.append({ runId, records: [delta(1, 1)] })).toMatchObject({ kind: "appended" });
      await liveLog.append({ runId, records: [delta(1, 2)] });
      await heard.hears((messages) => messages.length === 2);
    });

    test("an empty batch is not published", async () => {
      const { liveLog, runId } = await start();
      const heard = ear();
      await liveLog.subscribe({ runId, listener: heard.listener });
      expect(await liveLog.append({ runId, records: [] })).toEqual({ kind: "appended", accepted: [] });
      await liveLog.append({ runId, records: [delta(1, 1)] });
      await heard.hears((messages) => messages.length > 0);
      expect(heard.messages).toEqual([{ kind: "records", records: [delta(1, 1)] }]);
    });

    test("a closed live log is unavailable at once", async () => {
      const { bus, liveLog, runId } = await start();
      expect(await bus.check()).toBeNull();
      await bus.close();
      await bus.close();
      expect(await bus.check()).not.toBeNull();
      expect(await liveLog.append({ runId, records: [delta(1, 1)] })).toEqual({ kind: "unavailable" });
      expect(await liveLog.read({ runId, after: START, limit: 1 })).toEqual([]);
      const subscription = await liveLog.subscribe({ runId, listener: () => {} });
      subscription.unsubscribe();
      liveLog.sendProgress({ runId, json: "{}" });
    });
  });
}
