import type {
  InputMessage,
  JsonObject,
  JsonValue,
  Page,
  Run,
  RunEvent,
  RunStatus,
  StartRunBody,
  StartedRun,
  ToolCall,
  ToolResultAnswer,
  UserMessage,
} from "@hsafa/protocol";
import { backoffMs, delay } from "./backoff.ts";
import type { Connection } from "./connection.ts";
import { HsafaError } from "./error.ts";
import { randomId } from "./random-id.ts";
import { type RunStreamCut, type RunStreamEvent, type RunStreamTransport, streamRun } from "./run-stream.ts";

/** Which page of a list. */
export interface PageQuery {
  /** 1 to 200; 50 by default. */
  readonly limit?: number;
  readonly cursor?: string;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface StartRunParams {
  /** An agent's name or id. */
  readonly agent: string;
  readonly versionId?: string;
  readonly input: string | InputMessage[];
  readonly threadId?: string;
  /** The device that `select: "origin"` means. */
  readonly deviceKey?: string;
  readonly metadata?: JsonObject;
  /** The same key and the same request give the same run. Each call has one of its own unless you give one. */
  readonly idempotencyKey?: string;
}

export interface RunStatusAnswer {
  readonly runId: string;
  readonly status: RunStatus;
}

/**
 * The tries of a start or a message, which take a second or two together: a gateway that restarts is waited for, one
 * that is away is told.
 */
const KEYED_TRIES_MAX = 4;

export function createRuns(connection: Connection, transport: RunStreamTransport) {
  const path = (runId: string, more = ""): string => `/api/runs/${encodeURIComponent(runId)}${more}`;

  function get(runId: string, options: CallOptions = {}): Promise<Run> {
    return connection.call(path(runId), options);
  }

  /** Posts it until it is answered, a few times over: under one key, so that it is done once. */
  async function postOnce<T>(
    to: string,
    body: object,
    { idempotencyKey = randomId(), ...options }: CallOptions & { readonly idempotencyKey?: string | undefined },
  ): Promise<T> {
    const headers = { "idempotency-key": idempotencyKey };
    for (let failures = 0; ; failures += 1) {
      try {
        return await connection.call(to, { method: "POST", body, headers, ...options });
      } catch (error) {
        const mayHeal = error instanceof HsafaError && error.isRetryable && failures + 1 < KEYED_TRIES_MAX;
        if (!mayHeal) throw error;
        await delay(Math.max(error.retryAfterMs ?? 0, backoffMs(failures, Math.random())), options.signal);
      }
    }
  }

  /**
   * Answers as soon as the run is queued. Tries again when no answer came: under one key, so that it never starts two.
   */
  function start(params: StartRunParams, options: CallOptions = {}): Promise<StartedRun> {
    const { idempotencyKey, ...body } = params;
    return postOnce("/api/runs", body satisfies StartRunBody, { idempotencyKey, ...options });
  }

  /**
   * The run's events in order, each once, until the terminal one; reconnects by itself. `after`: begin with the event
   * after that position. Leaving the loop, or aborting the signal, stops watching and never cancels the run.
   */
  function stream(
    runId: string,
    options: CallOptions & { readonly after?: string; readonly onCut?: (cut: RunStreamCut) => void } = {},
  ): AsyncGenerator<RunStreamEvent, void, undefined> {
    return streamRun(connection, { runId, transport, ...options });
  }

  return {
    start,
    get,
    list(
      query: PageQuery & { readonly status?: RunStatus; readonly agent?: string; readonly threadId?: string } = {},
      options: CallOptions = {},
    ): Promise<Page<Run>> {
      return connection.call("/api/runs", { query: { ...query }, ...options });
    },
    stream,
    /** Resolves with the run once it has ended, however it ended. */
    async wait(runId: string, options: CallOptions = {}): Promise<Run> {
      const run = await get(runId, options);
      if (run.completedAt !== null) return run;
      for await (const event of stream(runId, { after: run.position, ...options })) void event;
      return get(runId, options);
    },
    /** A page of the canonical log. `facts: true` leaves the deltas out. */
    events(
      runId: string,
      query: {
        readonly after?: string;
        readonly facts?: boolean;
        readonly limit?: number;
        readonly cursor?: string;
      } = {},
      options: CallOptions = {},
    ): Promise<Page<RunEvent>> {
      return connection.call(path(runId, "/events"), { query: { ...query }, ...options });
    },
    toolCalls(runId: string, query: PageQuery = {}, options: CallOptions = {}): Promise<Page<ToolCall>> {
      return connection.call(path(runId, "/tool-calls"), { query: { ...query }, ...options });
    },
    /** Answers a tool call over HTTP; `duplicate: true` when the same result was taken before. */
    submitToolResult(
      runId: string,
      result: { readonly callId: string } & (
        | { readonly result: JsonValue; readonly error?: undefined }
        | { readonly error: { readonly message: string; readonly code?: string }; readonly result?: undefined }
      ),
      options: CallOptions = {},
    ): Promise<ToolResultAnswer> {
      return connection.call(path(runId, "/tool-results"), { method: "POST", body: result, ...options });
    },
    /**
     * Says something to a run in progress: taken in before its next step. Tries again when no answer came: under one
     * key, so that it is said once. The same key and the same message are the same word; each call has a key of its own
     * unless you give one.
     */
    send(
      runId: string,
      message: UserMessage | string,
      options: CallOptions & { readonly idempotencyKey?: string } = {},
    ): Promise<RunStatusAnswer> {
      return postOnce(path(runId, "/messages"), { message }, options);
    },
    /** Decides a tool call that awaits approval: yes or no. */
    approve(
      runId: string,
      decision: { readonly callId: string; readonly approved: boolean; readonly reason?: string },
      options: CallOptions = {},
    ): Promise<RunStatusAnswer> {
      return connection.call(path(runId, "/approvals"), { method: "POST", body: decision, ...options });
    },
    cancel(
      runId: string,
      params: { readonly reason?: string } = {},
      options: CallOptions = {},
    ): Promise<RunStatusAnswer> {
      return connection.call(path(runId, "/cancel"), { method: "POST", body: params, ...options });
    },
  };
}
