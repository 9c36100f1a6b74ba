import { EventSource } from "eventsource";
import { vi } from "vitest";

/** An EventSource of the npm client, and the ids of its events. */
export interface EventSourceRecord {
  readonly source: EventSource;
  readonly ids: string[];
  /** Resolves when the server has told it to stop. */
  stopped(): Promise<void>;
}

/** Follows a run by an EventSource with an API key. */
export function openEventSource(url: string, apiKey: string): EventSourceRecord {
  const source = new EventSource(url, {
    fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${apiKey}` } }),
  });
  const ids: string[] = [];
  source.addEventListener("message", ({ data, lastEventId }) => {
    const { id } = JSON.parse(String(data)) as { id?: string };
    if (id === undefined) return;
    if (id !== lastEventId) throw new Error(`the event ${id} came with the id ${lastEventId}`);
    ids.push(id);
  });
  const stopped = () =>
    vi.waitFor(() => {
      if (source.readyState !== source.CLOSED) throw new Error(`still open after ${ids.at(-1)}`);
    }, 30_000);
  return { source, ids, stopped };
}
