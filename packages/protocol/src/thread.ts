import type { JsonObject } from "./json.ts";
import type { PageQuery } from "./page.ts";

/** The body of `POST /api/threads`. */
export interface CreateThreadBody {
  /** The client's own name for the conversation, unique for its subject. The same key finds the same thread. */
  readonly key?: string;
  /** What people call it. */
  readonly title?: string;
  /** A run of another thread, which has ended: the new thread goes on from what was said up to its end. */
  readonly fromRunId?: string;
  /** Kept with the thread, and shown with it. */
  readonly metadata?: JsonObject;
  /** The user of the tenant whose thread it is to be. Only a key without a subject of its own says so. */
  readonly subject?: string;
}

/** The body of `PUT /api/threads/:id/title`. */
export interface ThreadTitleBody {
  /** What people call it; `null`: nothing. */
  readonly title: string | null;
}

/** The query of `GET /api/threads`. */
export interface ListThreadsQuery extends PageQuery {
  /** The user of the tenant whose threads are listed. */
  readonly subject?: string;
}

/** The query of the calls about one thread. */
export interface FindThreadQuery {
  /** The user of the tenant whose thread a key names; left out: it names a thread of the tenant's own. */
  readonly subject?: string;
}

/** The query of `GET /api/threads/:id/messages`. */
export interface ListThreadMessagesQuery extends PageQuery, FindThreadQuery {
  /**
   * Lists only what a branch has from the threads that it goes on from: the messages of so many runs, the newest (1 to
   * 100). A thread that is no branch has none.
   */
  readonly inheritedRuns?: number;
}

/** A conversation: the runs on it take turns. */
export interface Thread {
  readonly id: string;
  /** The client's own name for the conversation; `null` if it gave none. */
  readonly key: string | null;
  /** The user of the tenant whose thread it is; `null`: it is the tenant's own. */
  readonly subject: string | null;
  /** What people call it; `null`: it has no title. */
  readonly title: string | null;
  /**
   * The thread and the run of it from which this one goes on; `null`: it began by itself. The thread of a fork goes on
   * from before that run.
   */
  readonly branchedFrom: { readonly threadId: string; readonly runId: string } | null;
  readonly metadata: JsonObject;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
}

/** One message of a conversation. */
export interface ThreadMessage {
  /** The run that the message belongs to. */
  readonly runId: string;
  /** A `Message`. */
  readonly message: JsonObject;
  /** Whether a cancel cut the message short. */
  readonly partial: boolean;
}
