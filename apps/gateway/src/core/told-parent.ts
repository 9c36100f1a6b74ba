import type { RunOutput, Usage, WithheldUse } from "@hsafa/protocol";
import { addUsage } from "./add-usage.ts";
import { failureMessage } from "./failure-message.ts";
import type { OutsideInput, ToolOutcome } from "./input.ts";
import { TOOL_RESULT_BYTES_MAX } from "./limits.ts";
import type { RunProjection } from "./projection.ts";
import { tokensOf } from "./quotas.ts";
import type { RunEnd } from "./run-state.ts";

/** Why a child is canceled whose call is settled already, or whose parent has ended. */
export const PARENT_IS_DONE = "the run that started it waits for it no longer";

/** What a run tells its parent when it ends: an input of the parent, in the commit that ends the child. */
export interface ToldParent {
  readonly runId: string;
  readonly input: Extract<OutsideInput, { kind: "tool_result" }>;
}

/** What a child's end is to its parent: the result of the call, or a failure that the model reads. */
export function toldParent(params: {
  readonly parent: { readonly runId: string; readonly callId: string };
  readonly childRunId: string;
  readonly end: RunEnd;
  /** What the child and its own children spent. */
  readonly usage: Usage;
  /** What those below it may still use. `unknown`: it was given up unread, and nobody can tell. */
  readonly withheld: WithheldUse | "unknown";
}): ToldParent {
  const { parent, childRunId, end, usage, withheld } = params;
  if (end.kind === "merged") throw new Error("a child is on no thread, so it is not merged");
  const isNothing = withheld !== "unknown" && Object.keys(withheld).length === 0;
  const child = { runId: childRunId, status: end.kind, usage, ...(isNothing ? {} : { withheld }) };
  const outcome = outcomeOf(childRunId, end);
  return {
    runId: parent.runId,
    input: { kind: "tool_result", callId: parent.callId, outcome, source: "agent", deviceId: null, child },
  };
}

/** What a run and its children that have ended spent. Not every provider says how many tokens that is in all. */
export function treeUsage({ usage, childrenUsage }: Pick<RunProjection, "usage" | "childrenUsage">): Usage {
  const totalTokens = tokensOf(usage) + tokensOf(childrenUsage);
  return { ...addUsage(usage, childrenUsage), ...(totalTokens === 0 ? {} : { totalTokens }) };
}

function outcomeOf(childRunId: string, end: Exclude<RunEnd, { kind: "merged" }>): ToolOutcome {
  switch (end.kind) {
    case "completed":
      return completed(childRunId, end.output);
    case "failed":
      return failed("child_failed", `The agent failed (${end.error.code}): ${end.error.message}`);
    case "canceled":
      return failed("child_canceled", `The agent was canceled${end.reason === null ? "." : `: ${end.reason}`}`);
    default:
      return end satisfies never;
  }
}

/** A result that is too large for the parent's record becomes a failure. The child keeps it. */
function completed(childRunId: string, output: RunOutput): ToolOutcome {
  const bytes = Buffer.byteLength(JSON.stringify(output));
  if (bytes <= TOOL_RESULT_BYTES_MAX) return { kind: "completed", result: output };
  const message = `The agent answered ${bytes} bytes; at most ${TOOL_RESULT_BYTES_MAX} are taken. The run ${childRunId} has them.`;
  return failed("result_too_large", message);
}

function failed(code: string, message: string): ToolOutcome {
  return { kind: "failed", error: { code, message: failureMessage(message) } };
}
