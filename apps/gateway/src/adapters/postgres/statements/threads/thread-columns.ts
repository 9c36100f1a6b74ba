import type { JsonObject, Thread } from "@hsafa/protocol";
import { millis } from "../../times.ts";

/** SQL: the columns of a thread as a select list. */
export const THREAD_COLUMNS = `id::text, key, subject, title, branched_from::text, ancestor_ids[cardinality(ancestor_ids)]::text as branched_from_thread,
  metadata::text as metadata, ${millis("created_at")} as created_at`;

export interface ThreadColumns {
  readonly id: string;
  readonly key: string | null;
  readonly subject: string | null;
  readonly title: string | null;
  readonly branched_from: string | null;
  readonly branched_from_thread: string | null;
  readonly metadata: string;
  readonly created_at: number;
}

export function threadOfColumns(row: ThreadColumns): Thread {
  const { id, key, subject, title, branched_from: runId, branched_from_thread: threadId } = row;
  return {
    id,
    key,
    subject,
    title,
    branchedFrom: runId === null || threadId === null ? null : { threadId, runId },
    metadata: JSON.parse(row.metadata) as JsonObject,
    createdAt: new Date(row.created_at).toISOString(),
  };
}
