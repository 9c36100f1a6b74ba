import type { Client, RunStreamCut } from "@hsafa/client";
import type { RunEvent } from "@hsafa/protocol";
import { hasPosition } from "./record.ts";

/** Watches a run from its first event to its last, and keeps the events. */
export interface Watcher {
  readonly record: readonly RunEvent[];
  /** Resolves when the stream has ended. */
  readonly done: Promise<void>;
  /** Resolves with the first event that fits. Rejects if the stream ends without one. */
  sees<T extends RunEvent>(fits: (event: RunEvent) => event is T): Promise<T>;
  sees(fits: (event: RunEvent) => boolean): Promise<RunEvent>;
}

export function watchRun(
  client: Client,
  runId: string,
  params: {
    readonly signal: AbortSignal;
    readonly onEvent?: (event: RunEvent) => void;
    readonly onCut?: (cut: RunStreamCut) => void;
  },
): Watcher {
  const { signal, onEvent, onCut } = params;
  const record: RunEvent[] = [];
  const listeners = new Set<() => void>();
  let hasEnded = false;

  async function read(): Promise<void> {
    try {
      for await (const event of client.runs.stream(runId, { signal, onCut })) {
        if (!hasPosition(event)) continue;
        record.push(event);
        onEvent?.(event);
        for (const listener of listeners) listener();
      }
    } finally {
      hasEnded = true;
      for (const listener of listeners) listener();
    }
  }

  const done = read();
  // A caller of `done` or `sees` gets the rejection. Until there is one, it is not an unhandled rejection.
  done.catch(() => {});

  return {
    record,
    done,
    sees: (fits: (event: RunEvent) => boolean) =>
      new Promise<never>((resolve, reject) => {
        const look = (): void => {
          const found = record.find(fits);
          if (found === undefined && !hasEnded) return;
          listeners.delete(look);
          if (found !== undefined) resolve(found as never);
          else done.then(() => reject(new Error(`the run ended with ${record.at(-1)?.type ?? "nothing"}`)), reject);
        };
        listeners.add(look);
        look();
      }),
  };
}
