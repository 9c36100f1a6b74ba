import type { StartRunBody } from "@hsafa/protocol";
import type { Connection } from "./connection.ts";
import { HsafaError } from "./error.ts";
import { ATTEMPTS_MAX } from "./limits.ts";
import type { KeyedCallOptions } from "./post-once.ts";
import { randomId } from "./random-id.ts";
import { isEventStream, type OpenSse, openSse } from "./read-sse.ts";
import { repeatCall } from "./repeat-call.ts";
import { type RunStreamParams, streamRun } from "./run-stream.ts";
import type { RunStreamEvent } from "./run-stream-transport.ts";

/** What to start, and how to follow it. */
export interface StartAndStreamParams extends KeyedCallOptions, Omit<RunStreamParams, "runId" | "after" | "opened"> {
  readonly body: StartRunBody;
}

/**
 * Starts a run and reads its events from the same response. A start that is not answered is sent again under its key. A
 * stream that was cut goes on as every stream of a run does.
 */
export async function* startAndStream(
  connection: Connection,
  { body, idempotencyKey = randomId(), ...params }: StartAndStreamParams,
): AsyncGenerator<RunStreamEvent, void, undefined> {
  const { signal } = params;
  const headers = { "idempotency-key": idempotencyKey };
  const start = (): Promise<OpenSse> =>
    openSse(connection, { path: "/api/runs", method: "POST", body, headers }, params);
  const opened = await repeatCall(start, { attemptsMax: ATTEMPTS_MAX, signal });
  try {
    const runId = startedRunId(opened.response);
    const bringsEvents = isEventStream(opened.response);
    // A gateway without a place for a watcher has started the run all the same. Nobody reads its answer.
    if (!bringsEvents) opened.close();
    yield* streamRun(connection, { ...params, runId, ...(bringsEvents ? { opened } : {}) });
  } finally {
    opened.close();
  }
}

/** Throws an `HsafaError` if the response is not that of a start. */
function startedRunId({ headers, status }: Response): string {
  const runId = /\/runs\/([\w-]+)$/.exec(headers.get("location") ?? "")?.[1];
  if (runId !== undefined) return runId;
  const message = "The response names no run; is it a hsafa gateway?";
  throw new HsafaError({ code: "unexpected_response", status, message });
}
