import { SLEEP_MS_MAX } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { begun, finished, given, newRun, NOW, proceed, result } from "../../test/support/given.ts";
import { effectsOf } from "./effects.ts";
import type { RunInput } from "./input.ts";
import { statusOf } from "./run-state.ts";
import { sleepUntil } from "./sleep-until.ts";

const HOUR_MS = 3_600_000;

test("a sleep ends at the time that is named, or after the time that is named", () => {
  expect(sleepUntil({ durationMs: 1 }, NOW)).toEqual({ kind: "until", at: NOW + 1 });
  expect(sleepUntil({ durationMs: SLEEP_MS_MAX }, NOW)).toEqual({ kind: "until", at: NOW + SLEEP_MS_MAX });
  for (const untilISO of ["2026-11-22T13:00:00Z", "2026-11-22T14:00+01:00", "2026-11-22T13:00:00.000Z"])
    expect(sleepUntil({ untilISO }, NOW)).toEqual({ kind: "until", at: NOW + HOUR_MS });
});

test.each([
  [{}, "neither when nor how long"],
  [{ durationMs: 1, untilISO: "2026-11-23T00:00:00Z" }, "both when and how long"],
  [{ durationMs: 0 }, "no whole number"],
  [{ durationMs: 1.5 }, "no whole number"],
  [{ durationMs: "1" }, "no whole number"],
  [{ durationMs: SLEEP_MS_MAX + 1 }, "more than a year"],
  [{ untilISO: "2026-11-22T12:00:00Z" }, "That time is past"],
  [{ untilISO: "2027-11-22T12:00:00.001Z" }, "more than a year"],
  [{ untilISO: "2026-11-23T00:00:00" }, "no time with an offset"],
  [{ untilISO: "tomorrow" }, "no time with an offset"],
  [{ untilISO: "2026-13-01T00:00:00Z" }, "no time with an offset"],
  [{ untilISO: null }, "no time with an offset"],
  [[], "neither when nor how long"],
])("what is no sleep is told to the model, with the time that it does not know: %j", (args, words) => {
  const told = sleepUntil(args, NOW);
  expect(told).toMatchObject({ kind: "refused", message: expect.stringContaining(words) as unknown });
  expect(told).toMatchObject({ message: expect.stringContaining("It is 2026-11-22T12:00:00.000Z now") as unknown });
});

describe("a run that sleeps", () => {
  const run = newRun({
    tools: [
      { name: "sleep", server: { type: "sleep" } },
      { name: "fetch", inputSchema: { type: "object" }, server: { type: "function" } },
      { name: "ask", inputSchema: { type: "object" }, target: "external" },
    ],
  });
  const sleeping = (...others: [string, string][]): RunInput => {
    const step = finished(["s", "sleep"], ...others) as Extract<RunInput, { kind: "step_finished" }>;
    const calls = step.calls.map((call) => (call.callId === "s" ? { ...call, args: { durationMs: HOUR_MS } } : call));
    return { ...step, calls };
  };

  test("it parks, holds no lease, and says until when", () => {
    const asleep = given(begun, run).when(sleeping(), proceed);
    expect(asleep.facts).toEqual([
      {
        type: "tool.dispatched",
        data: { callId: "s", attempt: 1, deadline: "2026-11-22T13:00:00.000Z", sleeps: true },
      },
      { type: "run.waiting", data: { callIds: ["s"] } },
    ]);
    expect(effectsOf(asleep.state)).toEqual([{ kind: "wait", until: NOW + HOUR_MS }]);
    expect(statusOf(asleep.state)).toBe("waiting_tool");
  });

  test("it wakes once, not before its time, and the model reads when that was", () => {
    const asleep = given(begun, run).when(sleeping(), proceed);
    expect(asleep.at(NOW + HOUR_MS - 1).when(proceed).types).toEqual([]);
    const woken = asleep.at(NOW + 2 * HOUR_MS).when(proceed);
    expect(woken.types).toEqual(["tool.completed", "run.resumed", "step.started"]);
    expect(woken.facts[0]).toMatchObject({
      data: { result: { wokeAt: "2026-11-22T14:00:00.000Z" }, source: "server" },
    });
    expect(woken.when(proceed).types).toEqual([]);
  });

  test("a gateway that takes it over lets it sleep: nothing is begun anew, and nothing is unknown", () => {
    const asleep = given(begun, run).when(sleeping(), proceed);
    const lost = asleep.when({ kind: "claimed", epoch: 3, lost: true, historyRunIds: [] });
    expect(lost.types).toEqual(["run.recovered"]);
    expect(lost.when(proceed).types).toEqual([]);
  });

  test("a result from outside does not wake it, nor does a message, which waits", () => {
    const asleep = given(begun, run).when(sleeping(), proceed);
    expect(asleep.when(result("s"), proceed).types).toEqual([]);
    const told = asleep.when({ kind: "message", message: { role: "user", content: "up!" } }, proceed);
    expect(told.types).toEqual([]);
    expect(told.at(NOW + HOUR_MS).when(proceed).types).toEqual(["tool.completed", "run.resumed", "step.started"]);
  });

  test("while the gateway executes another call of the step the lease is held; then the run parks", () => {
    const both = given(begun, run).when(sleeping(["f", "fetch"]), proceed);
    expect(both.types).toEqual(["tool.dispatched", "tool.dispatched"]);
    expect(effectsOf(both.state)).toMatchObject([{ kind: "perform_tool", call: { callId: "f" } }]);
    const outcome = { kind: "completed" as const, result: "ok" };
    const done = both.when({ kind: "server_tool_finished", callId: "f", attempt: 1, outcome }, proceed);
    expect(done.types).toEqual(["run.waiting"]);
    expect(effectsOf(done.state)).toEqual([{ kind: "wait", until: NOW + HOUR_MS }]);
  });

  test("a cancel ends it at once, and so does the end of its time", () => {
    const error = { code: "canceled", message: "The run ended while it slept." };
    const canceled = given(begun, run).when(sleeping(), proceed, { kind: "cancel", reason: null });
    expect(canceled.facts).toMatchObject([{ type: "tool.failed", data: { error } }, { type: "run.canceled" }]);
    const limits = { wallTimeMs: HOUR_MS / 2 };
    const tools = [{ name: "sleep", server: { type: "sleep" as const } }];
    const over = given(begun, newRun({ limits, tools })).when(sleeping(), proceed);
    expect(effectsOf(over.state)).toEqual([{ kind: "wait", until: NOW + HOUR_MS / 2 }]);
    const ended = over.at(NOW + HOUR_MS / 2).when(proceed);
    expect(ended.facts).toMatchObject([
      { data: { error } },
      { type: "run.failed", data: { error: { code: "limit_exceeded" } } },
    ]);
  });

  test("arguments that are no sleep fail as invalid_args, and the run goes on", () => {
    const step = finished(["s", "sleep"]);
    const refused = given(begun, run).when(step, proceed);
    expect(refused.types).toEqual(["tool.failed", "step.started"]);
    expect(refused.facts[0]).toMatchObject({ data: { error: { code: "invalid_args" } } });
  });
});
