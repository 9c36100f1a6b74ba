import { type EventRecord, parseFact } from "../../core/event-record.ts";
import type { PastRun } from "../../core/past-conversation.ts";

/** The thread's earlier runs. They never change, so they are read once for all steps of a holder. */
export class ThreadHistory {
  readonly #load: (runIds: readonly string[]) => Promise<ReadonlyMap<string, readonly EventRecord[]> | null>;
  #runs: readonly PastRun[] | null = null;

  /** `load` returns the facts of these runs, or null if the lease ended before the store was back. */
  constructor(load: (runIds: readonly string[]) => Promise<ReadonlyMap<string, readonly EventRecord[]> | null>) {
    this.#load = load;
  }

  /** These runs, oldest first; null if they could not be read under the lease. */
  async runsOf(runIds: readonly string[]): Promise<readonly PastRun[] | null> {
    if (this.#runs !== null) return this.#runs;
    const facts = runIds.length === 0 ? new Map<string, readonly EventRecord[]>() : await this.#load(runIds);
    if (facts === null) return null;
    this.#runs = runIds.map((runId) => ({ runId, facts: (facts.get(runId) ?? []).map(parseFact) }));
    return this.#runs;
  }
}
