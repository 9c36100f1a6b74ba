import type {
  AcceptedInput,
  ApprovalBody,
  CancelBody,
  ForkRunBody,
  JsonValue,
  ListEventsQuery,
  ListRunsQuery,
  Page,
  PageQuery,
  PostMessageBody,
  Run,
  RunEvent,
  RunOutput,
  StartedRun,
  StartRunBody,
  ToolCall,
  ToolError,
  ToolResultAnswer,
  UserMessage,
} from "@hsafa/protocol";
import type { CallOptions, Connection, RequestParams } from "./connection.ts";
import { ATTEMPTS_MAX } from "./limits.ts";
import { type KeyedCallOptions, postOnce } from "./post-once.ts";
import { startAndStream } from "./start-and-stream.ts";
import { type RunStreamCut, streamRun } from "./run-stream.ts";
import type { RunStreamEvent, RunStreamTransport } from "./run-stream-transport.ts";

/** A run to start. */
export interface StartRunParams extends StartRunBody {
  /** The same key and the same request give the same run. Each call has a key of its own if this is left out. */
  readonly idempotencyKey?: string;
}

/** A fork of a run. */
export interface ForkRunParams extends ForkRunBody {
  /** The same key and the same request give the same run. Each call has a key of its own if this is left out. */
  readonly idempotencyKey?: string;
}

/** How to follow a run. */
export interface StreamRunOptions extends CallOptions {
  /** Begins with the event after this position; with the first event if left out. */
  readonly after?: string;
  /** Called each time the stream was cut and will come back by itself, so that a page can say so. */
  readonly onCut?: (cut: RunStreamCut) => void;
}

/** The outcome of a tool call, for `submitToolResult`: exactly one of `result` and `error`. */
export type ToolResultParams = { readonly callId: string } & (
  | { readonly result: JsonValue; readonly error?: undefined }
  | { readonly error: ToolError; readonly result?: undefined }
);

/** The calls about runs. Each rejects with an `HsafaError`, or with the signal's reason. */
export interface Runs {
  /**
   * Returns as soon as the run is queued. If no response comes, the client tries again under the same key, so it never
   * starts two runs.
   */
  start(params: StartRunParams, options?: CallOptions): Promise<StartedRun>;
  /**
   * Starts a run that goes on from a fact of this one, with another message, version or agent. Results of tools are
   * reused, and no call is executed again that `rerun` does not name. It is repeated as `start` is.
   */
  fork(runId: string, params: ForkRunParams, options?: CallOptions): Promise<StartedRun>;
  /** Returns a run as it stands. */
  get(runId: string, options?: CallOptions): Promise<Run>;
  /** Returns a page of runs, newest first. */
  list(query?: ListRunsQuery, options?: CallOptions): Promise<Page<Run>>;
  /**
   * Yields the run's events in order, each once, and ends after the terminal one. It reconnects by itself. Leaving the
   * loop, or aborting the signal, stops watching and never cancels the run. Throws only what reconnecting would not
   * heal.
   */
  stream(runId: string, options?: StreamRunOptions): AsyncGenerator<RunStreamEvent, void, undefined>;
  /**
   * Starts a run, and yields its events as `stream` does, from the first one on. They come in the response to the
   * start, so the first of them come sooner. It needs a `fetch` that streams, which React Native's own does not.
   */
  startAndStream(
    params: StartRunParams,
    options?: Omit<StreamRunOptions, "after">,
  ): AsyncGenerator<RunStreamEvent, void, undefined>;
  /**
   * Resolves with the run once it has ended, however it ended. It waits for a gateway that is away, as long as it
   * takes. `Output`: what the run ends with, such as `OutputOf<typeof agent>`.
   */
  wait<Output = RunOutput>(runId: string, options?: CallOptions): Promise<Run<Output>>;
  /** Returns a page of the run's events as Postgres keeps them, oldest first or, with `order: "desc"`, newest first. */
  events(runId: string, query?: ListEventsQuery, options?: CallOptions): Promise<Page<RunEvent>>;
  /** Returns a page of the run's tool calls. */
  toolCalls(runId: string, query?: PageQuery, options?: CallOptions): Promise<Page<ToolCall>>;
  /** Settles a tool call over HTTP. `duplicate: true` means that the same result had been taken before. */
  submitToolResult(runId: string, result: ToolResultParams, options?: CallOptions): Promise<ToolResultAnswer>;
  /**
   * Sends a message to a run in progress, which takes it before its next step. If no response comes, the client tries
   * again under the same key, so the message is sent once.
   */
  send(runId: string, message: UserMessage | string, options?: KeyedCallOptions): Promise<AcceptedInput>;
  /** Approves or denies a tool call that awaits approval. */
  approve(runId: string, decision: ApprovalBody, options?: CallOptions): Promise<AcceptedInput>;
  /** Asks the run to cancel. It ends with `run.canceled` soon after. */
  cancel(runId: string, params?: CancelBody, options?: CallOptions): Promise<AcceptedInput>;
}

/** Makes the calls about runs. `transport`: how runs are streamed. */
export function createRuns(connection: Connection, transport: RunStreamTransport): Runs {
  const path = (runId: string, more = ""): string => `/api/runs/${encodeURIComponent(runId)}${more}`;

  /** The gateway answers a repeat of it as it answered the first. */
  function repeatable(body: object, options: CallOptions): RequestParams {
    return { method: "POST", body, attemptsMax: ATTEMPTS_MAX, ...options };
  }

  function get(runId: string, options: CallOptions = {}): Promise<Run> {
    return connection.call(path(runId), options);
  }

  function stream(runId: string, options: StreamRunOptions = {}): AsyncGenerator<RunStreamEvent, void, undefined> {
    return streamRun(connection, { runId, transport, ...options });
  }

  return {
    get,
    stream,
    start({ idempotencyKey, ...body }, options = {}) {
      return postOnce(connection, "/api/runs", body satisfies StartRunBody, { idempotencyKey, ...options });
    },
    startAndStream({ idempotencyKey, ...body }, options = {}) {
      return startAndStream(connection, { body, idempotencyKey, transport, ...options });
    },
    fork(runId, { idempotencyKey, ...body }, options = {}) {
      return postOnce(connection, path(runId, "/fork"), body satisfies ForkRunBody, { idempotencyKey, ...options });
    },
    list(query = {}, options = {}) {
      return connection.call("/api/runs", { query: { ...query }, ...options });
    },
    async wait<Output>(runId: string, options: CallOptions = {}): Promise<Run<Output>> {
      // A run may outlive many restarts of gateways, so who waits for it does, too.
      const patient = { attemptsMax: Infinity, ...options };
      const run = await connection.call<Run<Output>>(path(runId), patient);
      if (run.completedAt !== null) return run;
      for await (const event of stream(runId, { after: run.position, ...options })) void event;
      return connection.call(path(runId), patient);
    },
    events(runId, query = {}, options = {}) {
      return connection.call(path(runId, "/events"), { query: { ...query }, ...options });
    },
    toolCalls(runId, query = {}, options = {}) {
      return connection.call(path(runId, "/tool-calls"), { query: { ...query }, ...options });
    },
    submitToolResult(runId, result, options = {}) {
      return connection.call(path(runId, "/tool-results"), repeatable(result, options));
    },
    send(runId, message, options = {}) {
      return postOnce(connection, path(runId, "/messages"), { message } satisfies PostMessageBody, options);
    },
    approve(runId, decision, options = {}) {
      return connection.call(path(runId, "/approvals"), repeatable(decision, options));
    },
    cancel(runId, params = {}, options = {}) {
      return connection.call(path(runId, "/cancel"), repeatable(params, options));
    },
  };
}
