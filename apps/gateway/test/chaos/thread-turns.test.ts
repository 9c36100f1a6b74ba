import { describe, expect, test } from "vitest";
import { THREAD_HISTORY_RUNS_MAX } from "../../src/ports/limits.ts";
import { type TurnTaken, turnFaults } from "./thread-turns.ts";

/** Makes runs that take turns as they must. Each is requested while the one before it is open. */
function thread(count: number, threadId = "thread"): TurnTaken[] {
  const runIds = Array.from({ length: count }, (_, index) => `${threadId}-${index + 1}`);
  return runIds.map((runId, index) => ({
    runId,
    threadId,
    turn: index + 1,
    askedAt: index * 10,
    answeredAt: index * 10 + 5,
    startedAt: index * 100 + 1,
    endedAt: index * 100 + 99,
    hasStepped: true,
    wasToldToCancel: false,
    historyRunIds: runIds.slice(Math.max(0, index - THREAD_HISTORY_RUNS_MAX), index),
  }));
}

function changed(runs: readonly TurnTaken[], turn: number, change: Partial<TurnTaken>): TurnTaken[] {
  return runs.map((run) => (run.turn === turn ? { ...run, ...change } : run));
}

describe("runs that take turns", () => {
  test("runs that take turns are no fault, in several threads, in any order, and with a long history", () => {
    expect(turnFaults([...thread(3), ...thread(2, "other")].toReversed())).toEqual([]);
    expect(turnFaults(thread(THREAD_HISTORY_RUNS_MAX + 2))).toEqual([]);
  });

  test("runs that were requested at once may have either order of turns", () => {
    expect(turnFaults(changed(thread(3), 2, { askedAt: 21, answeredAt: 30 }))).toEqual([]);
  });

  test("a canceled run that did nothing may go ahead, and sees the runs that had ended by then", () => {
    const ahead = { startedAt: 50, endedAt: 51, hasStepped: false, wasToldToCancel: true };
    expect(turnFaults(changed(thread(4), 3, { ...ahead, historyRunIds: [] }))).toEqual([]);
    expect(turnFaults(changed(thread(4), 3, { ...ahead, historyRunIds: ["thread-1"] }))).toEqual([]);
    expect(turnFaults(changed(thread(4), 3, { ...ahead, startedAt: null, historyRunIds: [] }))).toEqual([]);
  });

  test("a run may be given up in its turn before it began", () => {
    expect(turnFaults(changed(thread(3), 2, { startedAt: null, hasStepped: false, historyRunIds: [] }))).toEqual([]);
  });
});

describe("runs that did not take turns", () => {
  test.each<[string, TurnTaken[]]>([
    ["began before the run before it had ended", changed(thread(3), 2, { startedAt: 98 })],
    ["began at the very time of that end, so not after it", changed(thread(3), 2, { startedAt: 99 })],
    ["began while a run before it never ended", changed(thread(2), 1, { endedAt: Number.POSITIVE_INFINITY })],
    ["was given up before its turn", changed(thread(2), 2, { startedAt: null, endedAt: 98, historyRunIds: [] })],
    [
      "was canceled, went ahead, and made a step",
      changed(thread(2), 2, { startedAt: 50, endedAt: 60, wasToldToCancel: true }),
    ],
    ["went ahead without a cancel", changed(thread(2), 2, { startedAt: 50, endedAt: 60, hasStepped: false })],
    ["sees nothing of what came before", changed(thread(3), 3, { historyRunIds: [] })],
    ["does not see one of the runs before it", changed(thread(3), 3, { historyRunIds: ["thread-2"] })],
    ["sees the runs before it in another order", changed(thread(3), 3, { historyRunIds: ["thread-2", "thread-1"] })],
    ["sees one that comes after it", changed(thread(3), 1, { historyRunIds: ["thread-2"] })],
    ["sees one of another thread", changed(thread(2), 2, { historyRunIds: ["thread-1", "other-1"] })],
    [
      "was canceled, went ahead, and sees a later one",
      changed(thread(2), 1, { hasStepped: false, wasToldToCancel: true, historyRunIds: ["thread-2"] }),
    ],
    [
      "sees the oldest instead of the latest",
      changed(thread(THREAD_HISTORY_RUNS_MAX + 2), THREAD_HISTORY_RUNS_MAX + 2, {
        historyRunIds: thread(THREAD_HISTORY_RUNS_MAX).map(({ runId }) => runId),
      }),
    ],
    [
      "has a turn before a run that existed when it was requested",
      changed(thread(2), 1, { askedAt: 20, answeredAt: 25 }),
    ],
  ])("a run that %s is a fault", (_, runs) => {
    expect(turnFaults(runs)).toHaveLength(1);
  });

  test("two runs with one turn, or a turn without a run, are a fault", () => {
    expect(turnFaults(thread(3).filter(({ turn }) => turn !== 2))).toContain(
      "thread thread: its runs have the turns 1,3",
    );
    expect(turnFaults([...thread(2), ...thread(2)])).toContain("thread thread: its runs have the turns 1,1,2,2");
  });
});
