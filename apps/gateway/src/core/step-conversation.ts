/**
 * What a step shows the model of its thread and of its run, within the agent's `history` and the model's window.
 *
 * 1. What is too long is left out, summarised first, or ends the run: as the agent's `history.overflow` says.
 * 2. A run makes one summary at most. After a summary that failed, or was not enough, the rest is left out.
 * 3. Whatever the model is not shown is in `leftOut`, and a failed summary with it.
 */
import type { LeftOut, Message } from "@hsafa/protocol";
import { contextBudget, mergeShownContext, shownByRuns } from "./context-budget.ts";
import { fitConversation } from "./fit-conversation.ts";
import type { SentConversation } from "./input.ts";
import type { RunBody } from "./run-state.ts";
import {
  runsAfter,
  summaryEnd,
  threadSummary,
  summaryMessage,
  summaryRequest,
  type ThreadRun,
} from "./thread-summary.ts";
import { estimateTokens } from "./estimate-tokens.ts";
import { conversationOf } from "./transcript.ts";

export type StepConversation =
  | {
      readonly kind: "show";
      readonly messages: readonly Message[];
      readonly leftOut: readonly LeftOut[];
      readonly sent: SentConversation;
    }
  | { readonly kind: "summarize"; readonly throughRunId: string }
  /** The agent wants the run to fail rather than to show less. */
  | { readonly kind: "refuse"; readonly message: string; readonly sent: SentConversation };

/**
 * Decides what the next step of this run shows. `earlier`: the runs that it sees of its thread, oldest first. `unread`:
 * how many older ones it sees that were not read, since they are too much.
 */
export function stepConversation(run: RunBody, earlier: readonly ThreadRun[], unread = 0): StepConversation {
  const { overflow, maxRuns = Number.POSITIVE_INFINITY } = run.config.history;
  const summary = overflow === "summarize" ? (run.summary ?? threadSummary(earlier)) : null;
  const runs = runsAfter(earlier, summary);
  // A summary of a run that was read stands for the older ones too.
  const older = earlier.some(({ runId }) => runId === summary?.throughRunId) ? 0 : unread;
  const count = older + runs.length;
  const before = summary === null ? [] : [summaryMessage(summary)];
  const own = conversationOf(run.transcript, []);
  const tokensMax = budgetOf(run, earlier);
  const tokens = estimateTokens([...before, ...runs.flatMap(({ messages }) => messages), ...own]);
  const isTooLong = older > 0 || count > maxRuns || (tokensMax !== null && tokens > tokensMax);

  if (isTooLong && overflow === "fail") {
    const message =
      count > maxRuns
        ? `The thread has ${count} earlier runs, and the agent's history allows ${maxRuns}.`
        : `The conversation has ${older > 0 ? "more than" : "about"} ${tokens} tokens, and ${tokensMax ?? "no more"} are allowed. Begin a new thread, or set history.overflow to 'trim' or 'summarize'.`;
    return { kind: "refuse", message, sent: { tokens, isLeast: true } };
  }
  if (isTooLong && overflow === "summarize" && run.summary === null && run.summaryFailure === null) {
    const room = tokensMax === null ? null : Math.max(0, tokensMax - estimateTokens([...before, ...own]));
    const throughRunId = summaryEnd({ runs, tokensMax: room, runsMax: maxRuns });
    if (throughRunId !== null) return { kind: "summarize", throughRunId }; // 2.
  }

  const kept = maxRuns === 0 ? [] : runs.slice(-Math.min(maxRuns, runs.length));
  const past = [...before, ...kept.flatMap(({ messages }) => messages)];
  const fitted = fitConversation({ past, own, tokensMax });
  const leftOut: LeftOut[] = [...fitted.leftOut];
  if (kept.length < count) leftOut.unshift(oldestRuns(count - kept.length));
  if (run.summaryFailure !== null && leftOut.length > 0)
    leftOut.push({ reason: "too_long", what: `a summary of them, which failed: ${run.summaryFailure}` }); // 3.
  const { messages, isLeast } = fitted;
  return { kind: "show", messages, leftOut, sent: { tokens: fitted.tokens, isLeast } };
}

/** Says that so many of the oldest runs of the thread were left out. */
export function oldestRuns(count: number): LeftOut {
  return { reason: "too_long", what: `the ${count} oldest runs of the thread` };
}

/** Returns what a step shows that summarises the thread up to a run: the newest turns that the model takes. */
export function summaryConversation(
  run: RunBody,
  earlier: readonly ThreadRun[],
  throughRunId: string,
): readonly Message[] {
  const before = threadSummary(earlier);
  const runs = runsAfter(earlier, before);
  const end = runs.findIndex(({ runId }) => runId === throughRunId) + 1;
  const past = runs.slice(0, end).flatMap(({ messages }) => messages);
  const fitted = fitConversation({ past, own: [], tokensMax: budgetOf(run, earlier) });
  return [summaryRequest(before, fitted.messages)];
}

function budgetOf(run: RunBody, earlier: readonly ThreadRun[]): number | null {
  const shown = shownByRuns(
    earlier.map(({ facts }) => facts),
    run.versionId,
  );
  return contextBudget(run.config, mergeShownContext(shown, run.shownContext));
}
