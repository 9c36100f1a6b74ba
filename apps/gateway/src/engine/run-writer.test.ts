import { formatPosition } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import {
  fact,
  HeldDeltaStore,
  HeldLiveLog,
  isRising,
  quietGeneration,
  recordingFeed,
  settled,
} from "../../test/support/fakes.ts";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { recordingLog } from "../../test/support/recording-log.ts";
import { FLUSH_INTERVAL_MS } from "../ports/limits.ts";
import { mergedEnd } from "../core/merged-end.ts";
import type { ModelPart } from "../ports/model.ts";
import { DeltaBatcher } from "./delta-batcher.ts";
import { COALESCE_ABOVE_ROWS, COALESCE_MS, GATHERED_CHARACTERS_MAX } from "./limits.ts";
import { RunWriter } from "./run-writer.ts";
import { asTenantId } from "../core/tenant-id.ts";

const text = (words: string, partId = "p0"): ModelPart => ({ kind: "text", at: "delta", partId, text: words });

function world() {
  const clock = new ManualClock();
  const store = new HeldDeltaStore();
  const liveLog = new HeldLiveLog();
  const localFeed = recordingFeed();
  const log = recordingLog();
  const batcher = new DeltaBatcher({ store: store.port, clock, log });
  const lease = { isGood: true, isStaleSaid: false };
  const bugs: unknown[] = [];
  const generation = quietGeneration();
  const writer = new RunWriter({
    deps: { liveLog: liveLog.port, localFeed, clock, generation },
    batcher,
    claim: { tenantId: asTenantId("t"), runId: "r", epoch: 1 },
    position: { seq: 3, sub: 0 },
    lastFact: fact(3),
    now: () => clock.now(),
    mayPublish: () => lease.isGood,
    onStale: () => void (lease.isStaleSaid = true),
    onBug: (error) => bugs.push(error),
  });
  writer.openStep(1, 4);
  return { clock, store, liveLog, localFeed, batcher, lease, bugs, generation, writer };
}

describe("a run's writer", () => {
  test("a fragment travels at once and alone when nothing is in flight", async () => {
    const { writer, liveLog } = world();
    for (const word of ["one ", "two ", "three"]) {
      writer.write(text(word));
      expect(liveLog.writes).toHaveLength(1);
      await liveLog.accept();
    }
    expect(liveLog.accepted.map(formatPosition)).toEqual(["4-1", "4-2", "4-3"]);
    expect(liveLog.accepted.map((record) => record.payload)).toEqual([
      '{"step":1,"partId":"p0","text":"one "}',
      '{"step":1,"partId":"p0","text":"two "}',
      '{"step":1,"partId":"p0","text":"three"}',
    ]);
  });

  test("what comes while a write is in flight merges by part, before a position is given", async () => {
    const { writer, liveLog } = world();
    writer.write(text("in flight"));
    for (const word of ["a", "b", "c"]) writer.write(text(word));
    writer.write(text("x", "p1"));
    writer.write(text("d"));
    writer.write(text("e"));
    expect(liveLog.writes).toHaveLength(1);
    expect(await liveLog.accept()).toEqual(["4-1"]);
    expect(await liveLog.accept()).toEqual(["4-2", "4-3", "4-4"]);
    const texts = liveLog.accepted.slice(1).map((record) => (JSON.parse(record.payload) as { text: string }).text);
    expect(texts).toEqual(["abc", "x", "de"]);
    expect(writer.stepText).toBe("in flightabcxde");
  });

  test("the first words of a part are no write behind its beginning, which waits for nothing else", async () => {
    const { clock, writer, liveLog } = world();
    const begin = (partId: string): void => writer.write({ kind: "text", at: "start", partId });
    begin("p0");
    writer.write(text("a"));
    expect(await liveLog.accept()).toEqual(["4-1", "4-2"]);
    clock.advance(0);
    expect(liveLog.writes).toEqual([]);
    begin("p1");
    clock.advance(0);
    expect(await liveLog.accept()).toEqual(["4-3"]);
    writer.write(text("b", "p1"));
    expect(await liveLog.accept()).toEqual(["4-4"]);
  });

  test("a closing fact names the last delta and never overtakes it in the live log", async () => {
    const { writer, liveLog, localFeed } = world();
    writer.write(text("in flight"));
    writer.write(text("gathered"));
    writer.closeStep();
    expect(writer.position).toMatchObject({ seq: 4, sub: 2 });
    expect(writer.unacknowledged.map(formatPosition)).toEqual(["4-1", "4-2"]);
    writer.publish([fact(5, writer.position)]);
    expect(liveLog.writes).toHaveLength(1);
    await liveLog.accept();
    await liveLog.accept();
    expect(localFeed.said).toEqual(["4-1", "4-2", "5-0"]);
    expect(isRising(liveLog.accepted)).toBe(true);
    expect(writer.unacknowledged).toEqual([]);
  });

  test("watchers here hear of facts once, before the live log answers, and of deltas when it has taken them", async () => {
    const { writer, liveLog, localFeed } = world();
    writer.write(text("a"));
    await liveLog.accept();
    writer.closeStep();
    writer.publish([fact(5, writer.position), fact(6)]);
    expect(localFeed.said).toEqual(["4-1", "5-0", "6-0"]);
    writer.openStep(2, 6);
    writer.write(text("b"));
    expect(await liveLog.accept()).toEqual(["5-0", "6-0"]);
    expect(localFeed.said).toEqual(["4-1", "5-0", "6-0"]);
    await liveLog.accept();
    expect(localFeed.said).toEqual(["4-1", "5-0", "6-0", "6-1"]);
  });

  test("a fact is not shown ahead of deltas that the live log has not answered for", async () => {
    const { writer, liveLog, localFeed } = world();
    writer.write(text("a"));
    await liveLog.refuse();
    writer.write(text("b"));
    writer.closeStep();
    writer.publish([fact(5, writer.position)]);
    // The store holds what the live log refused, and watchers read it there.
    expect(localFeed.said).toEqual(["<=5-0"]);
    await liveLog.accept();
    await liveLog.accept();
    expect(localFeed.said).toEqual(["<=5-0", "4-2", "5-0"]);
  });

  test("nothing is shown before the live log has taken it, and what it refuses is not shown on its account", async () => {
    const { writer, liveLog, localFeed } = world();
    writer.write(text("a"));
    expect(localFeed.said).toEqual([]);
    const write = liveLog.writes.shift();
    write?.answer({ kind: "appended", accepted: [] });
    await settled();
    expect(localFeed.said).toEqual([]);
  });

  test("live log away: watchers hear of deltas when Postgres has them, without waiting for the flush interval", async () => {
    const { writer, liveLog, localFeed, store, clock } = world();
    writer.write(text("a"));
    await liveLog.refuse();
    expect(localFeed.said).toEqual([]);
    clock.advance(0);
    expect(await store.accept()).toEqual(["4-1"]);
    expect(localFeed.said).toEqual(["<=4-1"]);
    writer.closeStep();
    writer.publish([fact(5)]);
    await liveLog.refuse();
    expect(localFeed.said).toEqual(["<=4-1", "5-0", "<=5-0"]);
  });

  test("the end of a merged run goes to the watchers of that run, and a close waits for it", async () => {
    const { writer, liveLog, localFeed } = world();
    const merged = (runId: string) => mergedEnd({ runId, messages: 1, into: "r", now: 0 });
    writer.publishMerged([merged("a"), merged("b")]);
    let isClosed = false;
    const closed = writer.close().then(() => (isClosed = true));
    expect(await liveLog.accept()).toEqual(["3-0"]);
    expect([localFeed.said, isClosed]).toEqual([["3-0"], false]);
    await liveLog.refuse();
    await closed;
    expect(localFeed.said).toEqual(["3-0", "<=3-0"]);
  });

  test("a commit carries the deltas of a batch in flight, and a late acknowledgement harms nothing", async () => {
    const { writer, liveLog, store, clock } = world();
    writer.write(text("a"));
    await liveLog.accept();
    clock.advance(FLUSH_INTERVAL_MS);
    expect(store.batches).toHaveLength(1);
    writer.write(text("b"));
    await liveLog.accept();
    writer.closeStep();
    expect(writer.unacknowledged.map(formatPosition)).toEqual(["4-1", "4-2"]);
    writer.publish([fact(5)]);
    writer.openStep(2, 6);
    writer.write(text("c"));
    await store.accept();
    expect(writer.unacknowledged.map(formatPosition)).toEqual([]);
    await liveLog.accept();
    expect(writer.unacknowledged.map(formatPosition)).toEqual(["6-1"]);
  });

  test("a run far ahead of Postgres gathers for a moment, and its end does not wait for that", async () => {
    const { writer, liveLog, clock } = world();
    for (let n = 0; n <= COALESCE_ABOVE_ROWS; n++) {
      writer.write(text("x"));
      await liveLog.accept();
    }
    writer.write(text("a"));
    writer.write(text("b"));
    expect(liveLog.writes).toEqual([]);
    clock.advance(COALESCE_MS);
    expect(await liveLog.accept()).toEqual([`4-${COALESCE_ABOVE_ROWS + 2}`]);
    writer.write(text("c"));
    expect(liveLog.writes).toEqual([]);
    writer.closeStep();
    expect(await liveLog.accept()).toEqual([`4-${COALESCE_ABOVE_ROWS + 3}`]);
  });

  test("a holder whose lease is stale publishes nothing more, whatever the model still says", async () => {
    const { writer, liveLog, lease, localFeed } = world();
    writer.write(text("a"));
    await liveLog.accept();
    lease.isGood = false;
    writer.write(text("b"));
    writer.publish([fact(5)]);
    expect(liveLog.writes).toEqual([]);
    expect(localFeed.said).toEqual(["4-1"]);
    expect(lease.isStaleSaid).toBe(true);
  });

  test("a live log that hangs does not let one model fill the memory", async () => {
    const { writer, liveLog } = world();
    writer.write(text("a"));
    expect(writer.waitForCapacity()).toBeUndefined();
    writer.write(text("x".repeat(GATHERED_CHARACTERS_MAX + 1)));
    const room = writer.waitForCapacity();
    expect(room).toBeInstanceOf(Promise);
    await liveLog.accept();
    await room;
    expect(writer.waitForCapacity()).toBeUndefined();
  });

  test("a model that waits for room is let go when its step is closed", async () => {
    const { writer } = world();
    writer.write(text("a"));
    writer.write(text("x".repeat(GATHERED_CHARACTERS_MAX + 1)));
    const room = writer.waitForCapacity();
    writer.closeStep();
    await room;
    expect(writer.waitForCapacity()).toBeUndefined();
  });

  test("the first batch names the fact below it, and so does the one after a batch that may be missing", async () => {
    const { writer, liveLog } = world();
    const belows = () => liveLog.writes.map(({ below }) => (below === null ? null : formatPosition(below)));
    writer.publish([fact(4)]);
    expect(belows()).toEqual(["3-0"]);
    await liveLog.accept();
    writer.publish([fact(5)]);
    expect(belows()).toEqual([null]);
    await liveLog.refuse();
    writer.publish([fact(6)]);
    expect(belows()).toEqual(["5-0"]);
    await liveLog.accept();
    writer.write(text("on"));
    expect(belows()).toEqual([null]);
  });

  test("a live log that holds another history shows that the store has gone back; watchers hear of the store's", async () => {
    const { writer, liveLog, localFeed, generation } = world();
    writer.publish([fact(4)]);
    await liveLog.contradict();
    expect(generation.reports).toEqual(["the live log holds other facts of a run than the store"]);
    expect(localFeed.said).toEqual(["4-0", "<=4-0"]);
    // The next batch goes to the log of the new generation, which may hold anything.
    writer.publish([fact(5)]);
    expect(liveLog.writes[0]?.below).toMatchObject({ seq: 4 });
  });
});
