/**
 * What a test submitted to a run, the status of each response, and what must have become of each input:
 *
 * - An accepted input is in the log, or the run ended over it (R5, R6).
 * - An accepted result settles its call, unless the run was given up: that is done without reading its inputs (R7).
 * - A refused input is not in the log.
 */
import type { RunEvent } from "@hsafa/protocol";
import { isSettlement, type Settlement, type WatchedRecord } from "./watched-record.ts";

/** One submitted input and the status of its response. `mark` is its content, by which the log is searched for it. */
export type Submission = { readonly runId: string; readonly mark: string; readonly status: number } & (
  | { readonly kind: "message" | "cancel" }
  | { readonly kind: "result"; readonly callId: string }
  | { readonly kind: "approval"; readonly callId: string; readonly approved: boolean }
);

type SubmissionOf<K extends Submission["kind"]> = Extract<Submission, { kind: K }>;

/** The statuses that are possible: accepted, a repeat, or refused because of the run's or the call's state. */
const EXPECTED = new Set([200, 202, 409]);

/** Returns where the log of an ended run contradicts the responses to its submissions; an empty list if nowhere. */
export function contradictions(submissions: readonly Submission[], record: WatchedRecord): string[] {
  return submissions.flatMap((submission) => {
    if (!EXPECTED.has(submission.status))
      return [`${submission.kind} ${submission.mark} was answered ${submission.status}`];
    const why = contradiction(submission, submissions, record);
    return why === null ? [] : [`${submission.kind} ${submission.mark} was answered ${submission.status}, but ${why}`];
  });
}

function contradiction(one: Submission, all: readonly Submission[], record: WatchedRecord): string | null {
  switch (one.kind) {
    case "message":
      return ofMessage(one, record);
    case "result":
      return ofResult(one, all, record);
    case "cancel":
      return ofCancel(one, all, record);
    case "approval":
      return ofApproval(one, record);
    default:
      return one satisfies never;
  }
}

function ofMessage({ mark, status }: SubmissionOf<"message" | "cancel">, record: WatchedRecord): string | null {
  const times = record.filter((event) => event.type === "message.user" && event.data.message.content === mark).length;
  if (status !== 202) return times === 0 ? null : `it is in the log ${times} times`;
  return times === 1 || (times === 0 && endedEarly(record)) ? null : `it is in the log ${times} times`;
}

/** R7: the first result wins. Exactly one is accepted, and it is in the log. An equal one is a repeat. */
function ofResult(
  { callId, mark, status }: SubmissionOf<"result">,
  all: readonly Submission[],
  record: WatchedRecord,
): string | null {
  const settlement = settlementOf(record, callId);
  const isTaken = settlement?.type === "tool.completed" && settlement.data.result === mark;
  const accepted = all.filter((other) => other.kind === "result" && other.callId === callId && other.status === 202);
  switch (status) {
    case 202:
      if (accepted.length > 1) return `${accepted.length} results of its call were accepted`;
      if (wasGivenUp(record) && wasTakenBack(record, settlement)) return null;
      return isTaken ? null : `its call was settled by ${settlement?.id}`;
    case 200:
      return accepted.some((other) => other.mark === mark) ? null : "it is no repeat of an accepted one";
    default:
      return isTaken ? "it is the result in the log" : null;
  }
}

/**
 * More cancels are accepted until the run has ended; the reason of the first one counts. A run with an accepted cancel
 * ends by a cancel.
 */
function ofCancel(
  { mark, status }: SubmissionOf<"message" | "cancel">,
  all: readonly Submission[],
  record: WatchedRecord,
): string | null {
  const end = record.at(-1);
  const reason = end?.type === "run.canceled" ? end.data.reason : null;
  if (status !== 202) return reason === mark ? "it is the cancel in the log" : null;
  const isOneOfOurs = all.some((other) => other.kind === "cancel" && other.status === 202 && other.mark === reason);
  return isOneOfOurs ? null : `the run ended by ${end?.type}, for the reason ${reason}`;
}

function ofApproval({ callId, status, approved }: SubmissionOf<"approval">, record: WatchedRecord): string | null {
  const wasApproved = record.some((event) => event.type === "tool.approved" && event.data.callId === callId);
  const settlement = settlementOf(record, callId);
  const denied = settlement?.type === "tool.denied" ? settlement : null;
  // An equal decision is a repeat.
  if (status !== 202) return (approved ? wasApproved : denied !== null) ? "it is the decision in the log" : null;
  const wasFollowed = approved ? wasApproved && denied === null : !wasApproved && denied !== null;
  const isUndecided = !wasApproved && denied === null;
  return wasFollowed || (isUndecided && wasTakenBack(record, settlement))
    ? null
    : "the log has another decision, or none";
}

/** Returns whether the run ended with calls or inputs still open. The end consumed them. */
function endedEarly(record: WatchedRecord): boolean {
  const type = record.at(-1)?.type;
  return type === "run.canceled" || type === "run.failed";
}

function wasGivenUp(record: WatchedRecord): boolean {
  const end = record.at(-1);
  return end?.type === "run.failed" && end.data.error.code === "recovery_exhausted";
}

function wasTakenBack(record: WatchedRecord, settlement: Settlement | null): boolean {
  return endedEarly(record) && settlement?.type === "tool.failed" && settlement.data.error.code === "canceled";
}

function settlementOf(record: readonly RunEvent[], callId: string): Settlement | null {
  return record.filter(isSettlement).find(({ data }) => data.callId === callId) ?? null;
}
