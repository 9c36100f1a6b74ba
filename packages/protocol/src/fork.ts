import type { StartLimits } from "./agent-config.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import type { UserMessage } from "./message.ts";

/** Where a run was forked: the last fact of another run that it takes over. */
export interface ForkOrigin {
  readonly runId: string;
  /** Such as `7-0`. */
  readonly position: string;
}

/** A tool call that a fork executes again, under an id of its own. */
export interface RerunCall {
  readonly callId: string;
  readonly toolName: string;
  readonly args: JsonValue;
  /** The call of the run that was forked. */
  readonly of: string;
}

/** The body of `POST /api/runs/:id/fork`. */
export interface ForkRunBody {
  /** The last fact of the run that counts for the new one, such as `7-0`. */
  readonly position: string;
  /** What the user says instead, if the position is of a message of theirs. After any other fact it is said next. */
  readonly input?: string | UserMessage[];
  /** Another agent, by its name or id. Its current version is taken unless `versionId` says otherwise. */
  readonly agent?: string;
  /** Another version of the agent. */
  readonly versionId?: string;
  /** Calls of the last step that are executed again. Without it their results are reused, and nothing is repeated. */
  readonly rerun?: string[];
  /** Narrows what the agent's config allows this run, in place of the limits of the run that is forked. */
  readonly limits?: StartLimits;
  /** Kept with the run, and shown with it. */
  readonly metadata?: JsonObject;
}
