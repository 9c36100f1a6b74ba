import type { Client, RunStreamCut } from "@hsafa/client";
import type { RunEvent } from "@hsafa/protocol";
import { hasPosition } from "./record.ts";

/** Somebody who watches a run from its first event to its last and keeps what they saw. */
export interface Watcher {
  readonly record: readonly RunEvent[];
  /** Resolves when the stream has ended. */
  readonly done: Promise<void>;
  /** The first event that fits, once it has come; rejects if the stream ends without it. */
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
  // Told to whoever waits for it; nobody may be waiting yet.
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
