import type { RunEvent } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import type { WatchedRecord } from "./watched-record.ts";
import { contradictions, type Submission } from "./submissions.ts";

const runId = "run";
const callId = "call";

function log(...events: readonly { readonly type: string; readonly data?: object }[]): WatchedRecord {
  return events.map(({ type, data = {} }, i) => ({ id: `${i + 1}-0`, runId, type, data }) as unknown as RunEvent);
}

const said = (content: string) => ({ type: "message.user", data: { message: { role: "user", content } } });
const answered = (result: string) => ({ type: "tool.completed", data: { callId, result } });
const takenBack = { type: "tool.failed", data: { callId, error: { code: "canceled", message: "" } } };
const expired = { type: "tool.expired", data: { callId } };
const completed = { type: "run.completed" };
const failed = (code: string) => ({ type: "run.failed", data: { error: { code, message: "" } } });
const canceled = (reason: string) => ({ type: "run.canceled", data: { reason } });

const message = (mark: string, status: number): Submission => ({ kind: "message", runId, mark, status });
const result = (mark: string, status: number): Submission => ({ kind: "result", runId, callId, mark, status });
const cancel = (mark: string, status: number): Submission => ({ kind: "cancel", runId, mark, status });
const approval = (mark: string, status: number, approved: boolean): Submission => ({
  kind: "approval",
  runId,
  callId,
  mark,
  status,
  approved,
});

describe("submissions that agree with the log", () => {
  test.each<[string, Submission[], WatchedRecord]>([
    ["a message accepted and in the log", [message("m", 202)], log(said("m"), completed)],
    ["a message accepted before a cancel", [message("m", 202)], log(canceled("c"))],
    ["a message refused", [message("m", 409)], log(completed)],
    [
      "a result, its repeat, and another one",
      [result("r", 202), result("r", 200), result("x", 409)],
      log(answered("r"), completed),
    ],
    ["a result accepted behind a cancel", [result("r", 202), cancel("c", 202)], log(answered("r"), canceled("c"))],
    [
      "an approval accepted behind a cancel",
      [approval("a", 202, true), cancel("c", 202)],
      log(takenBack, canceled("c")),
    ],
    [
      "a result, its repeat, and a message accepted while the run was given up",
      [result("r", 202), result("r", 200), message("m", 202)],
      log(takenBack, failed("recovery_exhausted")),
    ],
    ["a result that came too late", [result("r", 409)], log(expired, completed)],
    ["a cancel, and another one before the end", [cancel("c", 202), cancel("d", 202)], log(canceled("c"))],
    ["a cancel after the end", [cancel("c", 409)], log(completed)],
    [
      "an approval",
      [approval("a", 202, true)],
      log({ type: "tool.approved", data: { callId } }, answered("r"), completed),
    ],
    ["a denial", [approval("d", 202, false)], log({ type: "tool.denied", data: { callId, reason: "d" } }, completed)],
  ])("%s is no contradiction", (_, submissions, record) => {
    expect(contradictions(submissions, record)).toEqual([]);
  });
});

describe("submissions that contradict the log", () => {
  test.each<[string, Submission[], WatchedRecord]>([
    ["a message accepted and not in the log", [message("m", 202)], log(completed)],
    ["a message in the log twice", [message("m", 202)], log(said("m"), said("m"), completed)],
    ["a message refused and in the log", [message("m", 409)], log(said("m"), completed)],
    [
      "a result accepted, and its call taken back by a cancel",
      [result("r", 202), cancel("c", 202)],
      log(takenBack, canceled("c")),
    ],
    [
      "a result accepted, and its call taken back by another failure",
      [result("r", 202)],
      log(takenBack, failed("max_steps_reached")),
    ],
    [
      "a result accepted, and its call expired before the run was given up",
      [result("r", 202)],
      log(expired, failed("recovery_exhausted")),
    ],
    ["a result accepted, and its call expired", [result("r", 202)], log(expired, completed)],
    [
      "a result accepted, and its call expired in a run that was canceled",
      [result("r", 202)],
      log(expired, canceled("c")),
    ],
    ["two results accepted", [result("r", 202), result("x", 202)], log(answered("r"), completed)],
    ["a result refused and in the log", [result("r", 409)], log(answered("r"), completed)],
    ["a repeat of nothing", [result("r", 200), result("x", 202)], log(answered("x"), completed)],
    ["a cancel accepted, and the run completed", [cancel("c", 202)], log(completed)],
    ["a cancel accepted, and another's reason in the log", [cancel("c", 202)], log(canceled("d"))],
    ["a cancel refused, and its reason in the log", [cancel("c", 409), cancel("d", 202)], log(canceled("c"))],
    [
      "an approval accepted, and the call denied",
      [approval("a", 202, true)],
      log({ type: "tool.denied", data: { callId, reason: "d" } }, completed),
    ],
    ["a denial accepted, and the call answered", [approval("d", 202, false)], log(answered("r"), completed)],
    ["a status that no response should have", [message("m", 500)], log(said("m"), completed)],
  ])("%s is a contradiction", (_, submissions, record) => {
    expect(contradictions(submissions, record)).not.toEqual([]);
  });
});
