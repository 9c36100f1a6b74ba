import { START } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { delta, LIVE_LOG_SUITE_BOUNDS, liveLogSuite } from "../../../test/contracts/live-log.suite.ts";
import type { Clock } from "../../ports/clock.ts";
import { systemClock } from "../system/clock.ts";
import { createMemoryLiveLog } from "./live-log.ts";

const report = () => {};

liveLogSuite("memory", async () => {
  // A wipe does not happen to memory; what readers can meet is a run pushed out by others, so that is how the suite
  // makes it forget.
  const liveLog = createMemoryLiveLog({ clock: systemClock, report, ...LIVE_LOG_SUITE_BOUNDS, runsMax: 100 });
  return {
    liveLog,
    elsewhere: liveLog,
    async wipe() {
      for (let n = 0; n < 100; n++) await liveLog.append({ runId: crypto.randomUUID(), records: [delta(1, 1)] });
    },
    close: () => liveLog.close(),
  };
});

describe("memory live log", () => {
  test("many long runs never hold more than the bound in all; the one written least recently goes first", async () => {
    const text = "x".repeat(1000);
    const liveLog = createMemoryLiveLog({ clock: systemClock, report, charactersMax: 100_000 });
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
    await liveLog.close();
  });

  test("a run nobody wrote to for its time to live is forgotten", async () => {
    let now = 0;
    const clock: Clock = { ...systemClock, monotonic: () => now };
    const liveLog = createMemoryLiveLog({ clock, report, ttlMs: 1000 });
    await liveLog.append({ runId: "old", records: [delta(1, 1)] });
    now = 900;
    await liveLog.append({ runId: "young", records: [delta(1, 1)] });
    now = 1000;
    expect(await liveLog.read({ runId: "old", after: START, limit: 1 })).toEqual([]);
    expect(await liveLog.read({ runId: "young", after: START, limit: 1 })).toEqual([delta(1, 1)]);
    await liveLog.close();
  });
});
