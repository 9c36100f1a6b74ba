import { useCallback, useMemo, useSyncExternalStore } from "react";
import { hasEnded, type ToolPart } from "../run-view.ts";
import { useHsafa } from "./hsafa-provider.ts";
import { EMPTY_RUN_SNAPSHOT, type RunSnapshot, runStore } from "./run-store.ts";

/** A run that a component shows, and what a person can do about it. */
export interface ShownRun extends RunSnapshot {
  /** Whether more comes. */
  readonly isRunning: boolean;
  /** Cancels the run. */
  cancel(reason?: string): Promise<void>;
  /** Approves or denies a call that awaits it, exactly as it is shown. */
  decide(call: ToolPart, approved: boolean, reason?: string): Promise<void>;
}

const NOTHING = { subscribe: () => () => {}, getSnapshot: () => EMPTY_RUN_SNAPSHOT };

/**
 * Follows a run, from its first event to its last, over cuts and restarts. All components that show the same run share
 * one stream. `null` shows nothing. On a server it shows the run before its first event.
 */
export function useRun(runId: string | null): ShownRun {
  const { client } = useHsafa();
  const store = useMemo(() => (runId === null ? NOTHING : runStore(client, runId)), [client, runId]);
  const snapshot = useSyncExternalStore(store.subscribe, store.getSnapshot, () => EMPTY_RUN_SNAPSHOT);
  const cancel = useCallback(
    async (reason?: string) => {
      if (runId !== null) await client.runs.cancel(runId, reason === undefined ? {} : { reason });
    },
    [client, runId],
  );
  const decide = useCallback(
    async (call: ToolPart, approved: boolean, reason?: string) => {
      if (runId !== null) await client.runs.approve(runId, decisionOn(call, approved, reason));
    },
    [client, runId],
  );
  const isRunning = runId !== null && snapshot.error === null && !hasEnded(snapshot.view);
  return { ...snapshot, isRunning, cancel, decide };
}

/** The body of a decision on a call, exactly as it is shown. */
export function decisionOn(call: ToolPart, approved: boolean, reason?: string) {
  const digest = call.question?.digest ?? undefined;
  return {
    callId: call.callId,
    approved,
    ...(digest === undefined ? {} : { digest }),
    ...(reason === undefined ? {} : { reason }),
  };
}
