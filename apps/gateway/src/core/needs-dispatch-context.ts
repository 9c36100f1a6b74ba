import { targetOf } from "@hsafa/protocol";
import { isOverdue } from "./deadline.ts";
import type { RunInput } from "./input.ts";
import { isForDevice, openCallsOf, type RunState } from "./run-state.ts";

/**
 * Whether `proceed`, told after these reports, will ask where devices are: for a device call that it dispatches, or for
 * one that is overdue. What was read of devices earlier may be wrong by now.
 */
export function needsDispatchContext(state: RunState, reports: readonly RunInput[], now: number): boolean {
  const deviceTools = new Set(
    state.run.config.tools.filter((tool) => isForDevice(targetOf(tool))).map((tool) => tool.name),
  );
  const isRequested = reports.some(
    (report) => report.kind === "step_finished" && report.calls.some((call) => deviceTools.has(call.toolName)),
  );
  return (
    isRequested ||
    openCallsOf(state.run).some(
      (call) => call.phase.kind === "dispatched" && isForDevice(call.target) && isOverdue(call, now),
    )
  );
}
