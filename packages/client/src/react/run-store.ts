import type { Client } from "../client.ts";
import { followRun } from "../follow-run.ts";
import { EMPTY_RUN_VIEW, type RunView } from "../run-view.ts";
import { createStore, keptStore, type Store } from "./kept-stores.ts";

/** A run as a component shows it. */
export interface RunSnapshot {
  readonly view: RunView;
  /** Whether the connection is there, as far as is known. False while it is cut and comes back by itself. */
  readonly isConnected: boolean;
  /** What ended the watching, and would not heal; `null`: nothing. */
  readonly error: Error | null;
}

/** What is shown of a run before its first event, and on a server. */
export const EMPTY_RUN_SNAPSHOT: RunSnapshot = { view: EMPTY_RUN_VIEW, isConnected: true, error: null };

/** Returns the store that follows this run, which all components share. */
export function runStore(client: Client, runId: string): Store<RunSnapshot> {
  return keptStore(client, `run ${runId}`, (forget) =>
    createStore<RunSnapshot>(
      EMPTY_RUN_SNAPSHOT,
      (store) => {
        const stop = new AbortController();
        const onCut = (): void => store.set({ ...store.getSnapshot(), isConnected: false });
        const follow = async (): Promise<void> => {
          const { view: known } = store.getSnapshot();
          for await (const view of followRun(client, runId, { view: known, signal: stop.signal, onCut }))
            store.set({ view, isConnected: true, error: null });
        };
        follow().catch((error: Error) => {
          if (!stop.signal.aborted) store.set({ ...store.getSnapshot(), error });
        });
        return () => stop.abort();
      },
      forget,
    ),
  );
}
