import { isTerminalStatus, type RunStatus } from "@hsafa/protocol";

/** Whether an ended run leaves its messages in its thread. Those of a merged one stand in the run that took them. */
export function leavesMessages(status: RunStatus): boolean {
  return isTerminalStatus(status) && status !== "merged";
}
