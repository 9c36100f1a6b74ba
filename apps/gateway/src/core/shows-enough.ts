import { contextBudget, NOTHING_SHOWN } from "./context-budget.ts";
import { estimateTokens } from "./estimate-tokens.ts";
import { type PastRun, pastConversation } from "./past-conversation.ts";
import type { RunBody } from "./run-state.ts";
import { threadSummary } from "./thread-summary.ts";

/**
 * Whether a run that has read so much of its thread shows its model nothing of what is older. `read`: the newest of its
 * earlier runs, oldest first.
 */
export function showsEnough(run: RunBody, read: readonly PastRun[]): boolean {
  const { overflow, maxRuns = Number.POSITIVE_INFINITY } = run.config.history;
  if (overflow === "summarize") {
    // A summary stands for all that is older. Until one is found, all of it is to be summarised.
    const through = (run.summary ?? threadSummary(read))?.throughRunId;
    return read.some(({ runId }) => runId === through);
  }
  if (read.length >= maxRuns) return true;
  // What earlier runs have shown makes the budget smaller, never larger.
  const tokensMax = contextBudget(run.config, NOTHING_SHOWN);
  if (tokensMax === null) return false;
  const { messages } = pastConversation(read, { form: run.historyForm, versionId: run.versionId });
  return estimateTokens(messages) > tokensMax;
}
