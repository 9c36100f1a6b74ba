import { type Page, START, type ThreadMessage } from "@hsafa/protocol";
import type { Principal } from "../access/principal.ts";
import type { Refusal } from "../access/refusal.ts";
import { parseFact } from "../core/event-record.ts";
import { extendTranscript, finalEntries, threadEntriesOf, type TranscriptEntry } from "../core/transcript.ts";
import { EVENTS_PAGE_MAX, PAGE_BYTES_MAX } from "../ports/limits.ts";
import type { PageParams, TenantStore } from "../ports/tenant-store.ts";
import { findThread } from "../access/find-thread.ts";
import { takeRecordsTurn } from "../runtime/take-bytes-turn.ts";
import { THREAD_RUNS_PER_READ } from "./limits.ts";
import type { UseCaseDeps } from "./use-case-deps.ts";

/**
 * Lists the messages of a thread, oldest first, from the facts of its runs. A run is read page by page, and turns that
 * are listed are forgotten. So a page of messages costs about as much memory as it has bytes. What is read may be more
 * than what is listed, and the tenant is charged for it.
 */
export async function listThreadMessages(
  deps: Pick<UseCaseDeps, "store" | "turns">,
  principal: Principal,
  params: {
    readonly idOrKey: string;
    readonly subject: string | undefined;
    /** Only what the thread has from those that it goes on from: the newest runs, so many of them. */
    readonly inheritedRuns?: number | undefined;
  } & PageParams,
): Promise<{ readonly kind: "found"; readonly page: Page<ThreadMessage> } | Refusal> {
  const found = await findThread(deps, principal, params);
  if (found.kind === "refused") return found;
  const store = deps.store.forTenant(principal.tenantId);
  const listed = new ListedMessages(params.limit);
  const reading = { store, turns: deps.turns, tenantId: principal.tenantId };
  let at: MessagesCursor | null = parseCursor(params.cursor);
  while (at !== null) {
    const { runs }: MessagesCursor = at;
    const page = await readRuns(store, {
      threadId: found.thread.id,
      cursor: runs,
      inheritedRuns: params.inheritedRuns,
    });
    for (let run = at.run; run < page.data.length; run += 1) {
      const runId = page.data[run] ?? "";
      const rest = await listRun(reading, { runId, from: run === at.run ? at : RUN_START, listed });
      if (rest !== null) {
        const nextCursor = writeCursor({ runs, run, ...rest });
        return { kind: "found", page: { data: listed.data, nextCursor } };
      }
    }
    at = page.nextCursor === null ? null : { runs: page.nextCursor, run: 0, ...RUN_START };
  }
  return { kind: "found", page: { data: listed.data, nextCursor: null } };
}

/** Reads a page of the runs of a thread, oldest first. */
async function readRuns(
  store: TenantStore,
  params: {
    readonly threadId: string;
    readonly cursor: string | undefined;
    readonly inheritedRuns: number | undefined;
  },
): Promise<Page<string>> {
  const { threadId, cursor, inheritedRuns } = params;
  if (inheritedRuns !== undefined)
    return { data: [...(await store.listInheritedRuns({ threadId, limit: inheritedRuns }))], nextCursor: null };
  const page = await store.listThreadRuns({ threadId, limit: THREAD_RUNS_PER_READ, cursor });
  return { ...page, data: page.data.map(({ runId }) => runId) };
}

/** A place in a run: the fact with which its next turn came, and how many messages of that fact were listed before. */
interface RunPlace {
  readonly seq: number;
  readonly skip: number;
}

const RUN_START: RunPlace = { seq: 1, skip: 0 };

/** The place of the next message in a thread. */
interface MessagesCursor extends RunPlace {
  /** The store's cursor of a page of runs (undefined: the first), and a run's number on that page. */
  readonly runs: string | undefined;
  readonly run: number;
}

function writeCursor({ seq, skip, run, runs }: MessagesCursor): string {
  return `${seq}.${skip}.${run}.${runs ?? ""}`;
}

/** Null for a text that is no cursor of ours: it gives an empty page. */
function parseCursor(text: string | undefined): MessagesCursor | null {
  if (text === undefined) return { runs: undefined, run: 0, ...RUN_START };
  const match = /^(\d{1,9})\.(\d{1,9})\.(\d{1,3})\.(.*)$/.exec(text);
  if (match === null) return null;
  const [, seq, skip, run, runs] = match;
  return { runs: runs === "" ? undefined : runs, run: Number(run), seq: Number(seq), skip: Number(skip) };
}

/** The messages of one page. The last one may take it beyond its bytes. */
class ListedMessages {
  readonly data: ThreadMessage[] = [];
  readonly #limit: number;
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get isFull(): boolean {
    return this.data.length >= this.#limit || this.#bytes >= PAGE_BYTES_MAX;
  }

  add(message: ThreadMessage): void {
    this.data.push(message);
    this.#bytes += Buffer.byteLength(JSON.stringify(message));
  }
}

/** Lists the messages of a run from a place on. Returns the place of the first one that the page has no room for. */
async function listRun(
  { store, turns, tenantId }: { readonly store: TenantStore; readonly tenantId: string } & Pick<UseCaseDeps, "turns">,
  params: { readonly runId: string; readonly from: RunPlace; readonly listed: ListedMessages },
): Promise<RunPlace | null> {
  const { runId, from, listed } = params;
  let transcript: readonly TranscriptEntry[] = [];
  let place = from;
  let skipped = 0;
  for (let after = { ...START, seq: from.seq - 1 }; ; ) {
    const records = await store.readEvents({ runId, after, limit: EVENTS_PAGE_MAX, factsOnly: true });
    await takeRecordsTurn(turns, tenantId, records);
    for (const record of records) transcript = extendTranscript(transcript, parseFact(record), record.seq);
    const last = records.at(-1);
    const entries = last === undefined ? transcript : finalEntries(transcript);
    for (const { seq, message, partial } of entries.flatMap(threadEntriesOf)) {
      if (seq !== place.seq) place = { seq, skip: 0 };
      if (seq === from.seq && skipped < from.skip) {
        skipped += 1;
        continue;
      }
      if (listed.isFull) return place;
      listed.add({ runId, message: { ...message }, partial });
      place = { seq, skip: place.skip + 1 };
    }
    if (last === undefined) return null;
    transcript = transcript.slice(entries.length);
    after = { seq: last.seq, sub: 0 };
  }
}
