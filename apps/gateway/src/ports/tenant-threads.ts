import type { JsonObject, Page, RunStatus, Thread } from "@hsafa/protocol";
import type { Act } from "./act.ts";
import type { PageParams } from "./page-params.ts";
import type { SubjectFilter } from "./subject-filter.ts";

export type BranchOutcome =
  | { readonly kind: "thread"; readonly thread: Thread; readonly created: boolean }
  /** There is no such run on a thread. */
  | { readonly kind: "not_found" }
  | { readonly kind: "not_ended"; readonly status: RunStatus }
  /** The run has left no messages, since they have entered another one. */
  | { readonly kind: "merged" }
  /** Another thread has the key. */
  | { readonly kind: "key_taken" }
  /** The thread is a branch of a branch of as many as `THREAD_ANCESTORS_MAX`. */
  | { readonly kind: "too_deep" };

/** The threads of one tenant. */
export interface TenantThreads {
  /** Finds the subject's thread with this key, or makes it. Without a key it makes one. */
  createThread(params: {
    readonly threadId: string;
    readonly key: string | null;
    readonly subject: string | null;
    readonly title?: string | null;
    readonly metadata: JsonObject;
  }): Promise<{ readonly thread: Thread; readonly created: boolean }>;
  /**
   * Makes a thread that goes on from the end of a run of another thread, whose rows stay as they are. With a key that
   * is known it finds that thread, if it is a branch of the same run.
   */
  branchThread(params: {
    readonly threadId: string;
    readonly runId: string;
    readonly key: string | null;
    readonly subject: string | null;
    readonly title: string | null;
    readonly metadata: JsonObject;
  }): Promise<BranchOutcome>;
  /** Gives a thread a title; null takes it away. Returns null when there is no such thread. */
  renameThread(params: { readonly threadId: string; readonly title: string | null }): Promise<Thread | null>;
  /**
   * Deletes a thread. Nobody finds it from then on, no run starts on it, and its key is free. Its open runs are asked
   * to cancel, all or nothing. A sweep removes it with its runs. Returns the runs that got a cancel by it; null when
   * there is no such thread.
   */
  deleteThread(params: Act & { readonly threadId: string }): Promise<readonly string[] | null>;
  /** Finds a thread by its id, also that of another subject, or else by its key among the subject's threads. */
  findThread(params: { readonly idOrKey: string; readonly subject: string | null }): Promise<Thread | null>;
  listThreads(params: PageParams & { readonly subject: SubjectFilter }): Promise<Page<Thread>>;
  /**
   * Returns the runs whose messages stand in the thread, in the order of their turns. Those of the threads from which
   * it goes on come first. Runs that were merged are not among them.
   */
  listThreadRuns(
    params: { readonly threadId: string } & PageParams,
  ): Promise<Page<{ readonly runId: string; readonly status: RunStatus }>>;
  /**
   * Returns the newest of those that are of the threads from which it goes on, `limit` of them, in the order of their
   * turns. They have all ended, so the answer stays the same as long as the thread is there.
   */
  listInheritedRuns(params: { readonly threadId: string; readonly limit: number }): Promise<readonly string[]>;
}
