import type { JsonObject, Thread } from "@hsafa/protocol";
import { millis } from "../../times.ts";

/** SQL: the columns of a thread that are small. */
export const SMALL_THREAD_COLUMNS = `id::text, key, subject, title, branched_from::text,
  ancestor_ids[cardinality(ancestor_ids)]::text as branched_from_thread, ${millis("created_at")} as created_at`;

/** SQL: the columns of a thread as a select list. */
export const THREAD_COLUMNS = `${SMALL_THREAD_COLUMNS}, metadata::text as metadata`;

export interface SmallThreadColumns {
  readonly id: string;
  readonly key: string | null;
  readonly subject: string | null;
  readonly title: string | null;
  readonly branched_from: string | null;
  readonly branched_from_thread: string | null;
  readonly created_at: number;
}

export interface ThreadColumns extends SmallThreadColumns {
  readonly metadata: string;
}

export function threadOfColumns(row: ThreadColumns): Thread {
  return listedThread(row, JSON.parse(row.metadata) as JsonObject);
}

/** A thread whose metadata was read apart. */
export function listedThread(row: SmallThreadColumns, metadata: JsonObject): Thread {
  const { id, key, subject, title, branched_from: runId, branched_from_thread: threadId } = row;
  return {
    id,
    key,
    subject,
    title,
    branchedFrom: runId === null || threadId === null ? null : { threadId, runId },
    metadata,
    createdAt: new Date(row.created_at).toISOString(),
  };
}
