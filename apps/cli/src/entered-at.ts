import type { Client } from "@hsafa/client";
import type { PageQuery } from "@hsafa/protocol";
import { eachItem } from "./each-item.ts";
import { EVENTS_SEARCHED_MAX } from "./limits.ts";

/** The position in a run at which a message has entered it that came with another run; undefined: none is found. */
export async function enteredAt(client: Client, runId: string, mergedRunId: string): Promise<string | undefined> {
  const read = ({ limit, cursor }: PageQuery) => client.runs.events(runId, { limit, cursor, facts: true });
  for await (const event of eachItem(read, EVENTS_SEARCHED_MAX)) {
    if (event.type === "message.user" && event.data.mergedRunId === mergedRunId) return event.id;
  }
  return undefined;
}
