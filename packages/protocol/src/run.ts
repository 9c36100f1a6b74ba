import { z } from "zod";

/** The states of a run: `queued → running → waiting_tool → running → completed | failed | canceled`. */
export const runStatusSchema = z.enum(["queued", "running", "waiting_tool", "completed", "failed", "canceled"]);
export type RunStatus = z.infer<typeof runStatusSchema>;

/** Whether a run in this state has ended for good. */
export function isTerminalStatus(status: RunStatus): boolean {
  return status === "completed" || status === "failed" || status === "canceled";
}

/**
 * The states of a tool call. `requested` is decided but not sent; `awaiting_approval` waits for a person; `dispatched`
 * is out; the others are settled. A call that was open when its run ended is settled as `failed` with code `canceled`.
 */
export const toolCallStatusSchema = z.enum([
  "requested",
  "awaiting_approval",
  "dispatched",
  "completed",
  "failed",
  "expired",
  "denied",
]);
export type ToolCallStatus = z.infer<typeof toolCallStatusSchema>;

/** Whether a call in this state can still be answered. */
export function isOpenCallStatus(status: ToolCallStatus): boolean {
  return status === "requested" || status === "awaiting_approval" || status === "dispatched";
}
