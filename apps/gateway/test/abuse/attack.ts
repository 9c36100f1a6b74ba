import type { HostileClient } from "./hostile-client.ts";

/** What one key, or nobody, can do to a gateway that others share. */
export interface Attack {
  readonly name: string;
  /** One line for the report. */
  readonly does: string;
  /** Attacks until the signal aborts. What the gateway refuses is no failure of the attack. */
  run(client: HostileClient, signal: AbortSignal): Promise<void>;
}

/** Repeats something in `lanes` places at once until the signal aborts. A lane pauses for a moment after each turn. */
export async function repeat(lanes: number, signal: AbortSignal, turn: () => Promise<unknown>): Promise<void> {
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      while (!signal.aborted) {
        await turn();
        await new Promise((resolve) => setImmediate(resolve));
      }
    }),
  );
}
