import { describe, expect, test } from "vitest";
import { THREAD_HISTORY_RUNS_MAX } from "../../src/ports/limits.ts";
import { type TurnTaken, turnFaults } from "./thread-turns.ts";

/** Runs that take turns as they must: each is asked for while the one before it is open. */
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
  test("are right in each of several threads, in whatever order they are read, and with more before them than a run sees", () => {
    expect(turnFaults([...thread(3), ...thread(2, "other")].toReversed())).toEqual([]);
    expect(turnFaults(thread(THREAD_HISTORY_RUNS_MAX + 2))).toEqual([]);
  });

  test("may be asked for at once, in either order of turns", () => {
    expect(turnFaults(changed(thread(3), 2, { askedAt: 21, answeredAt: 30 }))).toEqual([]);
  });

  test("let a canceled run go ahead that did nothing, and that sees what had ended by then", () => {
    const ahead = { startedAt: 50, endedAt: 51, hasStepped: false, wasToldToCancel: true };
    expect(turnFaults(changed(thread(4), 3, { ...ahead, historyRunIds: [] }))).toEqual([]);
    expect(turnFaults(changed(thread(4), 3, { ...ahead, historyRunIds: ["thread-1"] }))).toEqual([]);
    expect(turnFaults(changed(thread(4), 3, { ...ahead, startedAt: null, historyRunIds: [] }))).toEqual([]);
  });

  test("may be given up before they began, in their turn", () => {
    expect(turnFaults(changed(thread(3), 2, { startedAt: null, hasStepped: false, historyRunIds: [] }))).toEqual([]);
  });
});

describe("runs that did not take turns", () => {
  test.each<[string, TurnTaken[]]>([
    ["began before the one before it had ended", changed(thread(3), 2, { startedAt: 98 })],
    ["began in the very moment of that end, so not after it", changed(thread(3), 2, { startedAt: 99 })],
    ["began while one before it has never ended", changed(thread(2), 1, { endedAt: Number.POSITIVE_INFINITY })],
    ["was given up before its turn", changed(thread(2), 2, { startedAt: null, endedAt: 98, historyRunIds: [] })],
    [
      "was canceled, went ahead, and made a step",
      changed(thread(2), 2, { startedAt: 50, endedAt: 60, wasToldToCancel: true }),
    ],
    ["went ahead without a cancel", changed(thread(2), 2, { startedAt: 50, endedAt: 60, hasStepped: false })],
    ["sees nothing of what came before", changed(thread(3), 3, { historyRunIds: [] })],
    ["lacks one of those before it", changed(thread(3), 3, { historyRunIds: ["thread-2"] })],
    ["sees those before it in another order", changed(thread(3), 3, { historyRunIds: ["thread-2", "thread-1"] })],
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
      "has a turn before one that was there when it was asked for",
      changed(thread(2), 1, { askedAt: 20, answeredAt: 25 }),
    ],
  ])("are told of when one %s", (_, runs) => {
    expect(turnFaults(runs)).toHaveLength(1);
  });

  test("are told of when two have one turn, or a turn is nobody's", () => {
    expect(turnFaults(thread(3).filter(({ turn }) => turn !== 2))).toContain(
      "thread thread: its runs have the turns 1,3",
    );
    expect(turnFaults([...thread(2), ...thread(2)])).toContain("thread thread: its runs have the turns 1,1,2,2");
  });
});
