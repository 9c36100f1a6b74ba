import type { NewestRun } from "@hsafa/protocol";

/** The newest run of a thread, for one reader, as often as there is another one. */
export interface NewestRuns {
  readonly tell: (runId: string) => void;
  /** Never ends by itself. Aborting the signal throws its reason. */
  readonly read: (options: { readonly signal?: AbortSignal }) => AsyncGenerator<NewestRun, void, undefined>;
}

/** Makes one of which nothing was told yet. */
export function createNewestRuns(): NewestRuns {
  let latest: string | null = null;
  let wake = (): void => {};
  return {
    tell(runId) {
      latest = runId;
      wake();
    },
    async *read({ signal }) {
      signal?.addEventListener("abort", () => wake(), { once: true });
      for (let last: string | null = null; ; ) {
        signal?.throwIfAborted();
        if (latest !== null && latest !== last) {
          last = latest;
          yield { runId: last };
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    },
  };
}
