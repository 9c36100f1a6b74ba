import type { Message } from "@hsafa/protocol";
import { type EventRecord, parseFact } from "../../core/event-record.ts";
import { threadMessagesOf } from "../../core/transcript.ts";

/** The messages of the thread's earlier runs. They never change, so they are read once for all steps of a holder. */
export class ThreadHistory {
  readonly #load: (runIds: readonly string[]) => Promise<ReadonlyMap<string, readonly EventRecord[]> | null>;
  #messages: readonly Message[] | null = null;

  /** `load` returns the facts of these runs, or null if the lease ended before the store was back. */
  constructor(load: (runIds: readonly string[]) => Promise<ReadonlyMap<string, readonly EventRecord[]> | null>) {
    this.#load = load;
  }

  /** The messages of these runs, oldest first; null if they could not be read under the lease. */
  async messagesOf(runIds: readonly string[]): Promise<readonly Message[] | null> {
    if (this.#messages !== null) return this.#messages;
    const facts = runIds.length === 0 ? new Map<string, readonly EventRecord[]>() : await this.#load(runIds);
    if (facts === null) return null;
    this.#messages = runIds.flatMap((runId) =>
      threadMessagesOf((facts.get(runId) ?? []).map(parseFact)).map((entry) => entry.message),
    );
    return this.#messages;
  }
}
