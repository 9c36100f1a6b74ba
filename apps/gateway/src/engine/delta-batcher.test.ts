import { formatPosition } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { HeldDeltaStore } from "../../test/support/fakes.ts";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { recordingLog } from "../../test/support/recording-log.ts";
import type { EventRecord } from "../core/event-record.ts";
import { FLUSH_INTERVAL_MS } from "../ports/limits.ts";
import { DeltaBatcher, type DeltaOutbox } from "./delta-batcher.ts";
import { DELTA_BATCH_ROWS_MAX, STORE_RETRY } from "./limits.ts";
import { asTenantId } from "../core/tenant-id.ts";

const delta = (seq: number, sub: number): EventRecord => ({
  seq,
  sub,
  prev: null,
  type: "text.delta",
  ts: 0,
  payload: "{}",
});

function world() {
  const clock = new ManualClock();
  const store = new HeldDeltaStore();
  const log = recordingLog();
  const batcher = new DeltaBatcher({ store: store.port, clock, log });
  const stored: string[] = [];
  const open = (runId: string): DeltaOutbox =>
    batcher.open(
      { tenantId: asTenantId("t"), runId, epoch: 1 },
      { onStored: (upTo) => stored.push(`${runId}:${formatPosition(upTo)}`), onDrain: () => {} },
    );
  return { clock, store, batcher, stored, open, log };
}

describe("the delta batcher", () => {
  test("many runs share one batch, and one batch is in flight", async () => {
    const { clock, store, stored, open } = world();
    const [a, b] = [open("a"), open("b")];
    a.add(delta(1, 1));
    b.add(delta(4, 1));
    a.add(delta(1, 2));
    expect(store.batches).toEqual([]);
    clock.advance(FLUSH_INTERVAL_MS);
    expect(store.batches).toHaveLength(1);
    a.add(delta(1, 3));
    clock.advance(FLUSH_INTERVAL_MS * 3);
    expect(store.batches).toHaveLength(1);
    expect(await store.accept()).toEqual(["1-1", "1-2", "4-1"]);
    expect(stored).toEqual(["a:1-2", "b:4-1"]);
    clock.advance(FLUSH_INTERVAL_MS);
    expect(await store.accept()).toEqual(["1-3"]);
  });

  test("a batch that failed is written again with everything in it, in order", async () => {
    const { clock, store, stored, open, log } = world();
    const a = open("a");
    a.add(delta(1, 1));
    clock.advance(FLUSH_INTERVAL_MS);
    a.add(delta(1, 2));
    await store.fail();
    expect(a.unacknowledged.map(formatPosition)).toEqual(["1-1", "1-2"]);
    clock.advance(STORE_RETRY.maxMs);
    expect(await store.accept()).toEqual(["1-1", "1-2"]);
    expect(stored).toEqual(["a:1-2"]);
    expect(a.unacknowledged).toEqual([]);
    expect(log.errors).toEqual([]);
  });

  test("what gathers during a slow write waits an interval after it, so that slow writes do not follow each other closer", async () => {
    const { clock, store, open } = world();
    const a = open("a");
    a.add(delta(1, 1));
    clock.advance(FLUSH_INTERVAL_MS);
    a.add(delta(1, 2));
    clock.advance(10 * FLUSH_INTERVAL_MS);
    await store.accept();
    clock.advance(FLUSH_INTERVAL_MS - 1);
    expect(store.batches).toHaveLength(0);
    clock.advance(1);
    expect(await store.accept()).toEqual(["1-2"]);
  });

  test("watchers that have only Postgres do not wait for the interval, nor hurry writes while Postgres is away", async () => {
    const { clock, store, open } = world();
    const a = open("a");
    a.add(delta(1, 1));
    a.flushSoon();
    clock.advance(0);
    expect(store.batches).toHaveLength(1);
    a.flushSoon();
    await store.fail();
    a.flushSoon();
    clock.advance(STORE_RETRY.minMs / 2 - 1);
    expect(store.batches).toHaveLength(0);
    clock.advance(STORE_RETRY.maxMs);
    expect(await store.accept()).toEqual(["1-1"]);
  });

  test("a talkative run does not keep the others waiting", async () => {
    const { clock, store, open } = world();
    const [loud, quiet] = [open("loud"), open("quiet")];
    for (let sub = 1; sub <= DELTA_BATCH_ROWS_MAX * 2; sub++) loud.add(delta(1, sub));
    quiet.add(delta(9, 1));
    clock.advance(FLUSH_INTERVAL_MS);
    expect(await store.accept()).toHaveLength(DELTA_BATCH_ROWS_MAX);
    clock.advance(0);
    expect(await store.accept()).toContain("9-1");
  });

  test("a closed run's rows are not written, and a batch in flight that fails does not bring them back", async () => {
    const { clock, store, open, batcher } = world();
    const a = open("a");
    a.add(delta(1, 1));
    clock.advance(FLUSH_INTERVAL_MS);
    a.close();
    await store.fail();
    clock.advance(STORE_RETRY.maxMs * 2);
    expect(store.batches).toEqual([]);
    await batcher.close();
  });
});
