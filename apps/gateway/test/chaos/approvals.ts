import type { RunEvent } from "@hsafa/protocol";
import { APPROVED_TOOLS } from "./agent.ts";

/** Postgres and the programs share one clock, whose times are cut to milliseconds. */
const CLOCK_GRAIN_MS = 1;

/**
 * Returns the calls that executed before their approval. `approvedAt`: when Postgres committed the approval, by call
 * id, in milliseconds of the wall clock.
 */
export function executedUnapproved(
  executions: ReadonlyMap<string, { readonly tool: string; readonly firstAt: number }>,
  approvedAt: ReadonlyMap<string, number>,
): string[] {
  return [...executions].flatMap(([callId, { tool, firstAt }]) => {
    if (!APPROVED_TOOLS.has(tool)) return [];
    const at = approvedAt.get(callId);
    if (at === undefined) return [`${tool} was executed for ${callId}, which was never approved`];
    const earlyMs = at - firstAt;
    return earlyMs > CLOCK_GRAIN_MS
      ? [`${tool} was executed for ${callId} ${Math.ceil(earlyMs)} ms before that was approved`]
      : [];
  });
}

/** Returns the calls of a run that were dispatched before their approval, or denied after it. */
export function dispatchedUnapproved(log: readonly RunEvent[]): string[] {
  const faults: string[] = [];
  const waiting = new Set<string>();
  const approved = new Set<string>();
  for (const event of log) {
    switch (event.type) {
      case "tool.requested":
        if (APPROVED_TOOLS.has(event.data.toolName)) waiting.add(event.data.callId);
        break;
      case "tool.approved":
        waiting.delete(event.data.callId);
        approved.add(event.data.callId);
        break;
      case "tool.dispatched":
        if (waiting.has(event.data.callId))
          faults.push(`${event.data.callId} went out at ${event.id}, not approved by then`);
        break;
      case "tool.denied":
        if (approved.has(event.data.callId))
          faults.push(`${event.data.callId} was denied at ${event.id}, approved before`);
        break;
      default:
    }
  }
  return faults;
}
