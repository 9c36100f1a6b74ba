import { START } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import {
  delta,
  LIVE_LOG_SUITE_BOUNDS,
  LIVE_LOG_SUITE_TENANT,
  liveLogSuite,
} from "../../../test/contracts/live-log.suite.ts";
import { recordingLog } from "../../../test/support/recording-log.ts";
import type { Clock } from "../../ports/clock.ts";
import { systemClock } from "../system/system-clock.ts";
import { createMemoryLiveLog } from "./memory-live-log.ts";

const log = recordingLog();

liveLogSuite("memory", async () => {
  // Memory is never wiped. Its readers can meet a run that others pushed out, so that is how the suite wipes one.
  const liveLog = createMemoryLiveLog({ clock: systemClock, log, ...LIVE_LOG_SUITE_BOUNDS, runsMax: 100 });
  return {
    liveLog,
    elsewhere: liveLog,
    async wipe() {
      for (let n = 0; n < 100; n++) {
        const runId = crypto.randomUUID();
        await liveLog.forTenant(LIVE_LOG_SUITE_TENANT).append({ runId, records: [delta(1, 1)] });
      }
    },
    close: () => liveLog.close(),
  };
});

describe("memory live log", () => {
  test("many long runs hold no more than the bound in all, and the run written least recently goes first (R9)", async () => {
    const text = "x".repeat(1000);
    const bus = createMemoryLiveLog({ clock: systemClock, log, charactersMax: 100_000 });
    const liveLog = bus.forTenant(LIVE_LOG_SUITE_TENANT);
    const held = async (runId: string) => (await liveLog.read({ runId, after: START, limit: 1000 })).length;
    for (let sub = 1; sub <= 200; sub++) {
      await liveLog.append({ runId: "long", records: [delta(1, sub, text)] });
    }
    expect(await held("long")).toBeGreaterThan(80);
    expect(await held("long")).toBeLessThan(100);
    await liveLog.append({ runId: "a", records: [delta(1, 1, text)] });
    await liveLog.append({ runId: "b", records: [delta(1, 1, text)] });
    await liveLog.append({ runId: "a", records: [delta(1, 2, text)] });
    expect([await held("long"), await held("a"), await held("b")]).toEqual([0, 2, 1]);
    for (let sub = 1; sub <= 94; sub++) {
      await liveLog.append({ runId: "long", records: [delta(1, sub, text)] });
    }
    expect([await held("b"), await held("a")]).toEqual([0, 2]);
    await bus.close();
  });

  test("a run without a write for its time to live is forgotten (R9)", async () => {
    let now = 0;
    const clock: Clock = { ...systemClock, monotonic: () => now };
    const bus = createMemoryLiveLog({ clock, log, ttlMs: 1000 });
    const liveLog = bus.forTenant(LIVE_LOG_SUITE_TENANT);
    await liveLog.append({ runId: "old", records: [delta(1, 1)] });
    now = 900;
    await liveLog.append({ runId: "young", records: [delta(1, 1)] });
    now = 1000;
    expect(await liveLog.read({ runId: "old", after: START, limit: 1 })).toEqual([]);
    expect(await liveLog.read({ runId: "young", after: START, limit: 1 })).toEqual([delta(1, 1)]);
    await bus.close();
  });
});
