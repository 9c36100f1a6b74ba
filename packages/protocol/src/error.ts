import type { QuotaName, QuotaStanding } from "./quota.ts";

/**
 * Every error of the HTTP API and of the sockets, by its code. `status`: the HTTP status. `retryable`: the same request
 * may succeed later. `title`: as in RFC 9457; the `detail` of one occurrence says what was wrong and what to do.
 */
export const ERRORS = {
  malformed_json: { status: 400, retryable: false, title: "The body is not JSON" },
  invalid_request: { status: 400, retryable: false, title: "The request is not valid" },
  invalid_position: { status: 400, retryable: false, title: "The position is not one of this run" },
  unauthenticated: { status: 401, retryable: false, title: "Authentication is missing or not valid" },
  forbidden: { status: 403, retryable: false, title: "The key or token may not do this" },
  not_found: { status: 404, retryable: false, title: "There is no such thing" },
  method_not_allowed: { status: 405, retryable: false, title: "The method is not allowed here" },
  name_taken: { status: 409, retryable: false, title: "Another one has this name" },
  thread_busy: { status: 409, retryable: false, title: "A run of the thread has not ended" },
  run_not_ended: { status: 409, retryable: false, title: "The run has not ended" },
  run_ended: { status: 409, retryable: false, title: "The run has ended" },
  result_conflict: { status: 409, retryable: false, title: "The tool call was settled otherwise" },
  call_not_awaiting_approval: { status: 409, retryable: false, title: "The tool call does not await an approval" },
  approval_changed: { status: 409, retryable: false, title: "The approval is of another call than the one shown" },
  position_lost: { status: 410, retryable: false, title: "The position is of a history that the store has lost" },
  payload_too_large: { status: 413, retryable: false, title: "The body is too large" },
  unsupported_media_type: { status: 415, retryable: false, title: "The body's media type is not supported" },
  invalid_agent_config: { status: 422, retryable: false, title: "The agent config is not valid" },
  idempotency_key_reused: { status: 422, retryable: false, title: "The idempotency key came with another body before" },
  too_many_requests: { status: 429, retryable: true, title: "Too many at once" },
  quota_exceeded: { status: 429, retryable: true, title: "The tenant has as much as it may have" },
  internal: { status: 500, retryable: true, title: "Something went wrong here" },
  unavailable: { status: 503, retryable: true, title: "A service hsafa rests on is away" },
} as const;

/** A code of the error table. */
export type ErrorCode = keyof typeof ERRORS;

/** An RFC 9457 problem document. */
export interface Problem {
  /** A URI for this kind of error. */
  readonly type: string;
  readonly title: string;
  /** The HTTP status. */
  readonly status: number;
  readonly code: ErrorCode;
  /** What was wrong with this request, and what to do. */
  readonly detail: string;
  /** The request's id in the gateway's log. */
  readonly requestId: string;
  /** Where in the body each fault lies, such as `config.tools.0.name`. */
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
  /** With the code `thread_busy`: the run that is active. */
  readonly runId?: string;
  /** With the code `quota_exceeded`: which quota, and where it stands. */
  readonly quota?: QuotaStanding & { readonly name: QuotaName };
}
