import type { JsonObject } from "./json.ts";

/** The body of `POST /api/threads`. */
export interface CreateThreadBody {
  /** The client's own name for the conversation, unique in its tenant. The same key finds the same thread. */
  readonly key?: string;
  /** Kept with the thread, and shown with it. */
  readonly metadata?: JsonObject;
}

/** A conversation: the runs on it take turns. */
export interface Thread {
  readonly id: string;
  /** The client's own name for the conversation; `null` if it gave none. */
  readonly key: string | null;
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
