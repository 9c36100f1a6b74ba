import { type Fact, type Page, START, type ThreadMessage } from "@hsafa/protocol";
import type { Principal } from "../access/principal.ts";
import type { Refusal } from "../access/refusal.ts";
import { parseFact } from "../core/event-record.ts";
import { threadMessagesOf } from "../core/transcript.ts";
import { EVENTS_PAGE_MAX } from "../ports/limits.ts";
import type { Store } from "../ports/store.ts";
import type { PageParams, TenantStore } from "../ports/tenant-store.ts";
import { findThread } from "./find-thread.ts";
import { THREAD_RUNS_PER_READ } from "./limits.ts";

/**
 * Lists the messages of a thread, oldest first, from the facts of its runs. A page of messages may end in the middle of
 * a run. So its cursor names a page of runs and how many messages of these runs were listed before.
 */
export async function listThreadMessages(
  deps: { readonly store: Store },
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
    const listed = skip + taken.length;
    if (listed < messages.length) at = { runs, skip: listed };
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

/** Null for a text that is no cursor of ours: it gives an empty page. */
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
