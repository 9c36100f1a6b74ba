import type {
  CreateThreadBody,
  ListThreadMessagesQuery,
  ListThreadsQuery,
  NewestRun,
  Page,
  Thread,
  ThreadMessage,
  ThreadTitleBody,
} from "@hsafa/protocol";
import type { CallOptions, Connection } from "./connection.ts";
import { ATTEMPTS_MAX } from "./limits.ts";
import { watchThread } from "./watch-thread.ts";

/** The calls about threads. Each rejects with an `HsafaError`, or with the signal's reason. */
export interface Threads {
  /** Makes a thread. `key` is your own name for the conversation: the same key finds the same thread. */
  create(params?: CreateThreadBody, options?: CallOptions): Promise<Thread>;
  /** Returns a thread. */
  get(idOrKey: string, options?: CallOptions): Promise<Thread>;
  /** Gives a thread a title; `null` takes it away. */
  rename(idOrKey: string, title: string | null, options?: CallOptions): Promise<Thread>;
  /** Deletes a thread. Its runs that have not ended are canceled. */
  delete(idOrKey: string, options?: CallOptions): Promise<void>;
  /** Makes a thread that goes on from the end of a run of another one, which stays as it is. */
  branch(runId: string, params?: Omit<CreateThreadBody, "fromRunId">, options?: CallOptions): Promise<Thread>;
  /** Returns a page of threads, newest first. */
  list(query?: ListThreadsQuery, options?: CallOptions): Promise<Page<Thread>>;
  /** Returns a page of a thread's messages, oldest first. */
  messages(idOrKey: string, query?: ListThreadMessagesQuery, options?: CallOptions): Promise<Page<ThreadMessage>>;
  /**
   * Yields which run of the thread is the newest: the one that is, and then each that begins. Of several that begin at
   * once it may name the last alone. It reconnects by itself. Aborting the signal throws its reason. Throws only what
   * reconnecting would not heal.
   */
  watch(idOrKey: string, options?: CallOptions): AsyncGenerator<NewestRun, void, undefined>;
}

/** Makes the calls about threads. */
export function createThreads(connection: Connection): Threads {
  const path = (idOrKey: string, more = ""): string => `/api/threads/${encodeURIComponent(idOrKey)}${more}`;
  function create(params: CreateThreadBody = {}, options: CallOptions = {}): Promise<Thread> {
    // The same key finds the same thread.
    const attemptsMax = params.key === undefined ? 1 : ATTEMPTS_MAX;
    return connection.call("/api/threads", { method: "POST", body: params, attemptsMax, ...options });
  }

  return {
    create,
    rename(idOrKey, title, options = {}) {
      const body = { title } satisfies ThreadTitleBody;
      return connection.call(path(idOrKey, "/title"), { method: "PUT", body, attemptsMax: ATTEMPTS_MAX, ...options });
    },
    async delete(idOrKey, options = {}) {
      await connection.call(path(idOrKey), { method: "DELETE", ...options });
    },
    branch: (runId, params = {}, options = {}) => create({ ...params, fromRunId: runId }, options),
    get(idOrKey, options = {}) {
      return connection.call(path(idOrKey), options);
    },
    list(query = {}, options = {}) {
      return connection.call("/api/threads", { query: { ...query }, ...options });
    },
    messages(idOrKey, query = {}, options = {}) {
      return connection.call(path(idOrKey, "/messages"), { query: { ...query }, ...options });
    },
    watch: (idOrKey, options = {}) => watchThread(connection, idOrKey, options.signal),
  };
}
