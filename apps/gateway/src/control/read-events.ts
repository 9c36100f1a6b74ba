import { formatPosition, type Position, START } from "@hsafa/protocol";
import { type EventRecord, isTerminal, wireJson } from "../core/event-record.ts";
import type { Store } from "../ports/store.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import { maySeeRun } from "../access/run-visibility.ts";

export type EventsPage =
  /** `json`: the whole page as it goes over the wire. The payloads of its events are not serialised again. */
  { readonly kind: "page"; readonly json: string } | Refusal;

/**
 * Reads a page of a run's canonical log, after a position. `nextCursor` is the position of the page's last event while
 * the store holds more, else null.
 */
export async function readEvents(
  deps: { readonly store: Store },
  principal: Principal,
  params: {
    readonly runId: string;
    readonly after: Position | undefined;
    readonly limit: number;
    readonly factsOnly: boolean;
  },
): Promise<EventsPage> {
  const { runId, limit, factsOnly } = params;
  const after = params.after ?? START;
  if (!(await maySeeRun(deps, principal, runId))) return notFound("run");
  const store = deps.store.forTenant(principal.tenantId);
  const tail = await store.readTail({ runId });
  if (tail === null) return notFound("run");
  if (after.seq > tail.lastSeq) {
    const detail = `The run stands at ${tail.lastSeq}-0, before ${formatPosition(after)}; use a position that this run gave out.`;
    return refuse("invalid_position", detail);
  }
  const records = await store.readEvents({ runId, after, limit, factsOnly });
  const last = records.at(-1);
  const hasMore = last !== undefined && !isTerminal(last) && (await isFollowed(last));
  const data = records.map((record) => wireJson(runId, record)).join(",");
  return { kind: "page", json: `{"data":[${data}],"nextCursor":${hasMore ? `"${formatPosition(last)}"` : "null"}}` };

  /** Asks the store, because a page may be short for its bytes. */
  async function isFollowed(record: EventRecord): Promise<boolean> {
    return (await store.readEvents({ runId, after: record, limit: 1, factsOnly })).length > 0;
  }
}
