import { type Fact, isId, type JsonObject, type Page, START, type Thread, type ThreadMessage } from "@hsafa/protocol";
import { parseFact } from "../core/event-record.ts";
import { EVENTS_PAGE_MAX } from "../ports/limits.ts";
import { THREAD_RUNS_PER_READ } from "./limits.ts";
import { threadMessagesOf } from "../core/transcript.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import type { PageParams, TenantStore } from "../ports/tenant-store.ts";
import { isBound } from "../access/bounds.ts";
import { mayAccessThread } from "../access/thread-visibility.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";

interface Deps {
  readonly store: Store;
}

/** Makes a thread, or finds the one that this key names already. */
export async function createThread(
  deps: Deps & { readonly clock: Clock },
  principal: Principal,
  params: { readonly key: string | undefined; readonly metadata: JsonObject | undefined },
): Promise<{ readonly kind: "thread"; readonly thread: Thread; readonly created: boolean } | Refusal> {
  if (isBound(principal))
    return refuse("forbidden", "The token is bound to less than the tenant; make threads with a key.");
  if (params.key !== undefined && isId(params.key)) {
    const fault = { path: "key", message: "must not look like an id" };
    return refuse("invalid_request", "The key could not be told from a thread's id.", [fault]);
  }
  const made = await deps.store.forTenant(principal.tenantId).createThread({
    threadId: deps.clock.newId(),
    key: params.key ?? null,
    metadata: params.metadata ?? {},
  });
  return { kind: "thread", ...made };
}

/** One thread, by its id or by the client's own key. */
export async function findThread(
  { store }: Deps,
  principal: Principal,
  idOrKey: string,
): Promise<{ readonly kind: "thread"; readonly thread: Thread } | Refusal> {
  const thread = await store.forTenant(principal.tenantId).findThread({ idOrKey });
  return thread === null || !mayAccessThread(principal, thread.id) ? notFound("thread") : { kind: "thread", thread };
}

/**
 * What was said in a thread, oldest first, from the facts of its runs. The cursor says how many messages of the runs
 * from a page of runs on were told already, since a page of messages may end in the middle of a run.
 */
export async function listThreadMessages(
  deps: Deps,
  principal: Principal,
  params: { readonly idOrKey: string } & PageParams,
): Promise<{ readonly kind: "found"; readonly page: Page<ThreadMessage> } | Refusal> {
  const found = await findThread(deps, principal, params.idOrKey);
  if (found.kind === "refused") return found;
  const store = deps.store.forTenant(principal.tenantId);
  const data: ThreadMessage[] = [];
  let at: MessagesCursor | null = parseCursor(params.cursor);
  while (at !== null && data.length < params.limit) {
    const { runs, skip }: MessagesCursor = at;
    const page = await store.listThreadRuns({ threadId: found.thread.id, limit: THREAD_RUNS_PER_READ, cursor: runs });
    const messages: ThreadMessage[] = [];
    for (const { runId } of page.data) messages.push(...(await messagesOfRun(store, runId)));
    const taken = messages.slice(skip, skip + params.limit - data.length);
    data.push(...taken);
    const told = skip + taken.length;
    if (told < messages.length) at = { runs, skip: told };
    else at = page.nextCursor === null ? null : { runs: page.nextCursor, skip: 0 };
  }
  return { kind: "found", page: { data, nextCursor: at === null ? null : writeCursor(at) } };
}

interface MessagesCursor {
  /** The store's cursor of the page of runs; absent: the first. */
  readonly runs: string | undefined;
  readonly skip: number;
}

function writeCursor({ runs, skip }: MessagesCursor): string {
  return `${skip}.${runs ?? ""}`;
}

/** A text that is no cursor of ours names a place that no thread reaches, so that it answers an empty page. */
function parseCursor(text: string | undefined): MessagesCursor | null {
  if (text === undefined) return { runs: undefined, skip: 0 };
  const match = /^(\d{1,9})\.(.*)$/.exec(text);
  if (match === null) return null;
  return { runs: match[2] === "" ? undefined : match[2], skip: Number(match[1]) };
}

async function messagesOfRun(store: TenantStore, runId: string): Promise<ThreadMessage[]> {
  const facts: Fact[] = [];
  let after = START;
  for (;;) {
    const records = await store.readEvents({ runId, after, limit: EVENTS_PAGE_MAX, factsOnly: true });
    const last = records.at(-1);
    if (last === undefined) break;
    for (const record of records) facts.push(parseFact(record));
    after = last;
  }
  return threadMessagesOf(facts).map(({ message, partial }) => ({ runId, message: { ...message }, partial }));
}
