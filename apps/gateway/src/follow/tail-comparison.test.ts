import { expect, test } from "vitest";
import { at, createStepWorld, delta, fact, RUN, settle } from "../../test/support/follow-world.ts";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { recordingLog } from "../../test/support/recording-log.ts";
import { StoreUnavailable } from "../ports/store.ts";
import { TailComparison } from "./tail-comparison.ts";
import {
  FOLLOW_COMPARE_INTERVAL_MS,
  FOLLOW_COMPARE_RUNS_MAX,
  FOLLOW_POLL_INTERVAL_MS,
  FOLLOW_POLL_RUNS_MAX,
} from "./limits.ts";

test("a terminal fact lost on the live log is found by the comparison of tails, and ends every watcher", async () => {
  const { store, liveLog, watch, pass, hub } = createStepWorld();
  const sockets = [await watch(), await watch("2-0")];
  await pass(100);
  store.add(fact(4, at(3), "step.completed"), fact(5, at(4), "run.completed"));
  await pass(FOLLOW_COMPARE_INTERVAL_MS + 1000);
  expect(sockets.map(({ ids }) => ids.at(-1))).toEqual(["5-0", "5-0"]);
  expect(sockets.map(({ ended }) => ended)).toEqual(["ended", "ended"]);
  expect(liveLog.listeners.size).toBe(0);
  expect(hub.counts()).toEqual({ watchers: 0, followedRuns: 0, bufferedBytes: 0 });
});

test("with the live log away the store's own gateway tells, and what others wrote is found within 500 ms", async () => {
  const { store, liveLog, hub, watch, pass } = createStepWorld();
  const socket = await watch("3-0");
  await settle();
  liveLog.isAway = true;
  await pass(800);
  store.add(delta(3, 1));
  hub.stored(RUN, at(3, 1));
  await settle();
  expect(socket.ids).toEqual(["3-1"]);
  store.add(delta(3, 2));
  await pass(500);
  expect(socket.ids).toEqual(["3-1", "3-2"]);
  store.add(fact(4, at(3, 2), "step.completed"));
  await pass(500);
  expect(socket.ids).toEqual(["3-1", "3-2", "4-0"]);
  const readsBefore = store.reads;
  await pass(2000);
  expect(store.reads).toBe(readsBefore);
});

/** Followers of runs that are all live, and a fleet that counts what it is asked. */
function createComparison(runCount: number) {
  const clock = new ManualClock();
  const asked: number[] = [];
  const polls = new Map<string, number>();
  const world = { isAway: false, isLive: true, isDown: false, asked, polls, told: [] as string[] };
  const followers = Array.from({ length: runCount }, (_, index) => ({
    runId: `run-${index}`,
    get isLive() {
      return world.isLive;
    },
    headSeq: 5,
    tailIs: (lastSeq: number, shownSeq: number) => void world.told.push(`run-${index} ${lastSeq} after ${shownSeq}`),
    poll: () => void polls.set(`run-${index}`, (polls.get(`run-${index}`) ?? 0) + 1),
  }));
  const log = recordingLog();
  const comparison = new TailComparison({
    fleet: {
      async readTails({ runIds }) {
        asked.push(runIds.length);
        if (world.isDown) throw new StoreUnavailable("down");
        return new Map(runIds.map((runId) => [runId, 7]));
      },
    },
    liveLog: { check: async () => (world.isAway ? "away" : null) },
    clock,
    log,
    followers: () => followers,
  });
  comparison.began();
  return {
    ...world,
    world,
    log,
    comparison,
    async pass(ms: number) {
      for (let passed = 0; passed < ms; passed += 50) {
        clock.advance(50);
        await settle();
      }
    },
  };
}

test("runs are compared in bounded queries, and each is told its last seq", async () => {
  const { asked, told, pass } = createComparison(FOLLOW_COMPARE_RUNS_MAX + 1);
  await pass(FOLLOW_COMPARE_INTERVAL_MS);
  expect(asked).toEqual([FOLLOW_COMPARE_RUNS_MAX, 1]);
  expect(told).toHaveLength(FOLLOW_COMPARE_RUNS_MAX + 1);
  expect(told.at(-1)).toBe(`run-${FOLLOW_COMPARE_RUNS_MAX} 7 after 5`);
});

test("while the live log is away all runs get their turn to look for deltas, so many at a time", async () => {
  const { polls, world, pass } = createComparison(FOLLOW_POLL_RUNS_MAX + 50);
  await pass(1000);
  expect(polls.size).toBe(0);
  world.isAway = true;
  await pass(FOLLOW_POLL_INTERVAL_MS * 6);
  expect(polls.size).toBe(FOLLOW_POLL_RUNS_MAX + 50);
  const counts = [...polls.values()];
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
});

test("nothing is asked while no run is live, and again once one is followed", async () => {
  const { asked, world, comparison, pass } = createComparison(1);
  world.isLive = false;
  await pass(10_000);
  expect(asked).toEqual([]);
  world.isLive = true;
  comparison.began();
  await pass(FOLLOW_COMPARE_INTERVAL_MS);
  expect(asked).toEqual([1]);
  await comparison.stop();
  await pass(10_000);
  expect(asked).toEqual([1]);
});

test("a store that is away is asked again, and told once", async () => {
  const { told, world, log, pass } = createComparison(1);
  world.isDown = true;
  await pass(20_000);
  expect(log.lines.map(({ level }) => level)).toEqual(["warn"]);
  world.isDown = false;
  await pass(FOLLOW_COMPARE_INTERVAL_MS);
  expect(told).toContain("run-0 7 after 5");
});
