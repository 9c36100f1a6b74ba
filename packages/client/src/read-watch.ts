import type { Connection } from "./connection.ts";
import { readSse } from "./read-sse.ts";
import type { TransportParams, TransportReport } from "./run-stream-transport.ts";

/**
 * Reads a run's events on the WebSocket that all streams of the client share, from the event after `after`. Where no
 * WebSocket opens, it reads the event stream instead. Returns when the connection is lost. Throws if the gateway
 * refuses.
 */
export async function* readWatch(
  connection: Connection,
  params: TransportParams,
  after: string | null,
): AsyncGenerator<TransportReport, void, undefined> {
  const { runId, signal } = params;
  const topic = { runId, ...(after === null ? {} : { after }) };
  const messages = connection.link.read(topic, signal);
  try {
    for (;;) {
      const { done, value } = await messages.next();
      if (done === true) {
        if (!value) yield* readSse(connection, params, after);
        return;
      }
      if (value.type === "ended") {
        yield { kind: "nothing_follows" };
        return;
      }
      if ("ts" in value) yield { kind: "received", event: value };
    }
  } finally {
    await messages.return(true);
  }
}
