import type { StartPolicy } from "@hsafa/protocol";

/** A run of a thread that has not ended. */
export interface OpenRun {
  readonly runId: string;
  readonly agentId: string;
}

/**
 * What a start does about the open runs of its thread. `busy`: it makes no run, since this one is active. `cancels`:
 * these end, and the new run follows. `steers`: the new run's messages may enter this one.
 */
export type StartPlan =
  | { readonly kind: "busy"; readonly runId: string }
  | { readonly kind: "start"; readonly cancels: readonly string[]; readonly steers: string | null };

/** What a start that names no policy leaves to its agent. `maySteer`: its messages could enter a run in progress. */
export interface LeftToAgent {
  readonly maySteer: boolean;
}

/**
 * The policy of a start: the one that it names, or else that of its agent. What cannot enter a run in progress waits
 * for its turn.
 */
export function policyOf(
  policy: StartPolicy,
  leftToAgent: LeftToAgent | undefined,
  ofAgent: StartPolicy | undefined,
): StartPolicy {
  if (leftToAgent === undefined || ofAgent === undefined) return policy;
  return ofAgent === "steer" && !leftToAgent.maySteer ? policy : ofAgent;
}

/**
 * Decides what a start does about the open runs of its thread, given in the order of their turns. The first of them is
 * the active one.
 *
 * 1. An interrupt cancels the others that wait, too: else the new run would not be the next.
 * 2. A message enters a run of its own agent alone. To another agent it was not said.
 */
export function planStart(policy: StartPolicy, open: readonly OpenRun[], agentId: string): StartPlan {
  const [active] = open;
  if (active === undefined) return { kind: "start", cancels: [], steers: null };
  switch (policy) {
    case "queue":
      return { kind: "start", cancels: [], steers: null };
    case "reject":
      return { kind: "busy", runId: active.runId };
    case "interrupt":
      return { kind: "start", cancels: open.map(({ runId }) => runId), steers: null }; // 1.
    case "steer":
      return { kind: "start", cancels: [], steers: active.agentId === agentId ? active.runId : null }; // 2.
    default:
      return policy satisfies never;
  }
}

/** Why the runs of a thread are canceled that is deleted. */
export const THREAD_DELETED = "its thread was deleted";

/** Why the run is canceled that another one interrupts. */
export function interruptReason(runId: string): string {
  return `interrupted by the run ${runId}`;
}
