import { formatPlace, type Place, START } from "@hsafa/protocol";
import { type EventRecord, isTerminal, wireJson } from "../core/event-record.ts";
import { resumePlace } from "../core/resume-place.ts";
import type { Store } from "../ports/store.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import { maySeeRun } from "../access/run-visibility.ts";

const FROM_START = { kind: "resume", after: START } as const;

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
    readonly after: Place | undefined;
    readonly limit: number;
    readonly factsOnly: boolean;
  },
): Promise<EventsPage> {
  const { runId, limit, factsOnly } = params;
  if (!(await maySeeRun(deps, principal, runId))) return notFound("run");
  const store = deps.store.forTenant(principal.tenantId);
  const tail = await store.readTail({ runId });
  if (tail === null) return notFound("run");
  const resumption = params.after === undefined ? FROM_START : resumePlace(params.after, tail);
  if (resumption.kind === "beyond") {
    const detail = `The run stands at ${tail.lastSeq}-0, before the given position; use a position that this run gave out.`;
    return refuse("invalid_position", detail);
  }
  if (resumption.kind === "rewind") {
    const detail =
      "The store was restored, and may have lost what came up to this position; read the run from its start.";
    return refuse("position_lost", detail);
  }
  const { after } = resumption;
  const { tag } = tail.generation;
  const records = await store.readEvents({ runId, after, limit, factsOnly });
  const last = records.at(-1);
  const hasMore = last !== undefined && !isTerminal(last) && (await isFollowed(last));
  const data = records.map((record) => wireJson(runId, record, tag)).join(",");
  return { kind: "page", json: `{"data":[${data}],"nextCursor":${hasMore ? `"${formatPlace(last, tag)}"` : "null"}}` };

  /** Asks the store, because a page may be short for its bytes. */
  async function isFollowed(record: EventRecord): Promise<boolean> {
    return (await store.readEvents({ runId, after: record, limit: 1, factsOnly })).length > 0;
  }
}
