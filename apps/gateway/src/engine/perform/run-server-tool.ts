import { backoffMs } from "../../core/backoff.ts";
import { failureMessage } from "../../core/failure-message.ts";
import type { RunInput, ServerToolOutcome } from "../../core/input.ts";
import { SERVER_TOOL_RETRY, TOOL_RESULT_BYTES_MAX } from "../../core/limits.ts";
import type { Call } from "../../core/run-state.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ServerTools } from "../../ports/server-tools.ts";
import type { TenantId } from "../../core/tenant-id.ts";

/**
 * Performs one attempt at a server tool. Returns what `decide` is to be told, or null if `signal` cut it short. A later
 * attempt begins after a pause.
 */
export async function runServerTool(params: {
  readonly serverTools: ServerTools;
  readonly clock: Clock;
  readonly tenantId: TenantId;
  readonly runId: string;
  readonly call: Call;
  readonly attempt: number;
  readonly signal: AbortSignal;
}): Promise<RunInput | null> {
  const { serverTools, clock, tenantId, runId, call, attempt, signal } = params;
  const { callId, toolName, args } = call;
  const server = call.tool?.server;
  if (server?.type !== "http" && server?.type !== "function")
    throw new Error(`The tool '${toolName}' was dispatched to the server and has nothing to execute.`);
  // A function that ignores the signal cannot be stopped from outside. Nobody waits for it, and its result is dropped.
  const aborted = new Promise<null>((resolve) => {
    signal.addEventListener("abort", () => resolve(null), { once: true });
  });
  if (attempt > 1) await Promise.race([aborted, pause(clock, attempt)]);
  if (signal.aborted) return null;
  const performed = serverTools.perform({ tenantId, server, toolName, args, runId, idempotencyKey: callId, signal });
  const outcome = await Promise.race([performed, aborted]);
  if (outcome === null || signal.aborted) return null;
  return { kind: "server_tool_finished", callId, attempt, outcome: bounded(outcome) };
}

function pause(clock: Clock, attempt: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(backoffMs(attempt - 1, SERVER_TOOL_RETRY, clock.random()), resolve);
  });
}

/** A result that is too large for the event log becomes a failure, which the model is told. */
function bounded(outcome: ServerToolOutcome): ServerToolOutcome {
  if (outcome.kind === "failed") return outcome;
  if (outcome.kind === "unknown") return { kind: "unknown", reason: failureMessage(outcome.reason) };
  const bytes = Buffer.byteLength(JSON.stringify(outcome.result));
  if (bytes <= TOOL_RESULT_BYTES_MAX) return outcome;
  const message = `The tool answered ${bytes} bytes; at most ${TOOL_RESULT_BYTES_MAX} are taken.`;
  return { kind: "failed", error: { code: "result_too_large", message } };
}
