import { comparePositions, formatPlace, type Place, type Position, START } from "@hsafa/protocol";
import { type EventRecord, isTerminal, wireJson } from "../core/event-record.ts";
import { resumePlace } from "../core/resume-place.ts";
import type { Store } from "../ports/store.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import { maySeeRun } from "../access/run-visibility.ts";

const NOWHERE = { kind: "resume", after: null } as const;
const FIRST: Position = { seq: 1, sub: 0 };

export type EventsPage =
  /** `json`: the whole page as it goes over the wire. The payloads of its events are not serialised again. */
  { readonly kind: "page"; readonly json: string } | Refusal;

/**
 * Reads a page of a run's canonical log: after a position in order, or before it and newest first. `nextCursor` is the
 * position of the page's last event while the store holds more, else null.
 */
export async function readEvents(
  deps: { readonly store: Store },
  principal: Principal,
  params: {
    readonly runId: string;
    readonly order: "asc" | "desc";
    /** The position after, or before, which the page begins; undefined: the first event, or the last. */
    readonly from: Place | undefined;
    readonly limit: number;
    readonly factsOnly: boolean;
  },
): Promise<EventsPage> {
  const { runId, order, limit, factsOnly } = params;
  if (!(await maySeeRun(deps, principal, runId))) return notFound("run");
  const store = deps.store.forTenant(principal.tenantId);
  const tail = await store.readTail({ runId });
  if (tail === null) return notFound("run");
  const standing = params.from === undefined ? NOWHERE : resumePlace(params.from, tail);
  if (standing.kind === "beyond") {
    const detail = `The run stands at ${tail.lastSeq}-0, before the given position; use a position that this run gave out.`;
    return refuse("invalid_position", detail);
  }
  if (standing.kind === "rewind") {
    const end = order === "asc" ? "start" : "end";
    const detail = `The store was restored, and may have lost what came up to this position; read the run from its ${end}.`;
    return refuse("position_lost", detail);
  }
  const { tag } = tail.generation;
  const records = await read(standing.after, limit);
  const last = records.at(-1);
  const hasMore = last !== undefined && (await isFollowed(last));
  const data = records.map((record) => wireJson(runId, record, tag)).join(",");
  return { kind: "page", json: `{"data":[${data}],"nextCursor":${hasMore ? `"${formatPlace(last, tag)}"` : "null"}}` };

  function read(from: Position | null, count: number): Promise<readonly EventRecord[]> {
    const page = { runId, limit: count, factsOnly };
    return order === "asc"
      ? store.readEvents({ ...page, after: from ?? START })
      : store.readEventsBefore({ ...page, before: from });
  }

  /** Asks the store in order, because a page may be short for its bytes. The first event of any run is `1-0`. */
  async function isFollowed(record: EventRecord): Promise<boolean> {
    if (order === "desc") return comparePositions(record, FIRST) > 0;
    return !isTerminal(record) && (await read(record, 1)).length > 0;
  }
}
