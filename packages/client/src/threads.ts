import type { CreateThreadBody, Page, PageQuery, Thread, ThreadMessage } from "@hsafa/protocol";
import type { CallOptions, Connection } from "./connection.ts";

/** The calls about threads. Each rejects with an `HsafaError`, or with the signal's reason. */
export interface Threads {
  /** Makes a thread. `key` is your own name for the conversation: the same key finds the same thread. */
  create(params?: CreateThreadBody, options?: CallOptions): Promise<Thread>;
  /** Returns a thread. */
  get(idOrKey: string, options?: CallOptions): Promise<Thread>;
  /** Returns a page of a thread's messages, oldest first. */
  messages(idOrKey: string, query?: PageQuery, options?: CallOptions): Promise<Page<ThreadMessage>>;
}

/** Makes the calls about threads. */
export function createThreads(connection: Connection): Threads {
  const path = (idOrKey: string, more = ""): string => `/api/threads/${encodeURIComponent(idOrKey)}${more}`;
  return {
    create(params = {}, options = {}) {
      return connection.call("/api/threads", { method: "POST", body: params, ...options });
    },
    get(idOrKey, options = {}) {
      return connection.call(path(idOrKey), options);
    },
    messages(idOrKey, query = {}, options = {}) {
      return connection.call(path(idOrKey, "/messages"), { query: { ...query }, ...options });
    },
  };
}
