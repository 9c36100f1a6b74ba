import { type AgentConfig, type ToolConfig, timeoutMsOf } from "@hsafa/protocol";
import { timeOverAt } from "./reached-limit.ts";
import { type Call, openCallsOf, type RunState } from "./run-state.ts";

/** The deadlines of tool calls. All times are in ms; null: as long as it takes. */

/** The deadline of a call that is dispatched at `now`. */
export function dispatchDeadline(config: AgentConfig, tool: ToolConfig, now: number): number | null {
  const timeoutMs = timeoutMsOf(config, tool);
  return timeoutMs === null ? null : now + timeoutMs;
}

/** When an open call becomes overdue: unapproved for too long, or dispatched and not answered in time. */
function deadlineOf({ phase }: Pick<Call, "phase">): number | null {
  switch (phase.kind) {
    case "awaiting_approval":
      return phase.expiresAt;
    case "dispatched":
      return phase.dispatch.deadline;
    case "requested":
    case "settled":
      return null;
    default:
      return phase satisfies never;
  }
}

export function isOverdue(call: Pick<Call, "phase">, now: number): boolean {
  const deadline = deadlineOf(call);
  return deadline !== null && deadline <= now;
}

/**
 * When the first open call becomes overdue, or the time of the run is over. While the lease is held, the holder tells
 * `proceed` again at that time.
 */
export function nextDeadlineOf(state: RunState): number | null {
  const timeOver = state.phase === "ended" ? null : timeOverAt(state.run);
  const deadlines = [...openCallsOf(state.run).map(deadlineOf), timeOver].filter((deadline) => deadline !== null);
  return deadlines.length === 0 ? null : Math.min(...deadlines);
}
