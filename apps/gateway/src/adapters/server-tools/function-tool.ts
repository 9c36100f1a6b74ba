import { isDeeperThan, type JsonValue, readExactJson, writeExactJson } from "@hsafa/protocol";
import type { ToolOutcome } from "../../core/input.ts";
import { failureMessage } from "../../core/failure-message.ts";
import { JSON_DEPTH_MAX } from "../../core/limits.ts";

/** What a function receives beside its arguments. */
export interface ToolFunctionContext {
  readonly runId: string;
  /** The same when the same call is performed again (R4). */
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
}

/** A tool in this process. Its result must be JSON. The model is shown the message of what it throws. */
export type ToolFunction = (args: JsonValue, context: ToolFunctionContext) => unknown;

/** Calls the function that is registered under this name. Never rejects. */
export async function performFunctionTool(
  functions: Readonly<Record<string, ToolFunction>>,
  name: string,
  call: ToolFunctionContext & { readonly args: JsonValue },
): Promise<ToolOutcome> {
  const { args, runId, idempotencyKey, signal } = call;
  const tool = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (tool === undefined) return failed("unknown_function", `This gateway has no function '${name}' for its tools.`);
  try {
    const result = await tool(args, { runId, idempotencyKey, signal });
    if (isDeeperThan(result, JSON_DEPTH_MAX)) {
      return failed(
        "invalid_result",
        `The function '${name}' answered JSON nested deeper than ${JSON_DEPTH_MAX} levels.`,
      );
    }
    return outcomeOf(name, result);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return failed("tool_failed", failureMessage(message));
  }
}

/** The result goes through JSON text, so that the record and its readers have the same. No result becomes null. */
function outcomeOf(name: string, result: unknown): ToolOutcome {
  let text: string | undefined;
  try {
    text = writeExactJson(result ?? null);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return failed("invalid_result", failureMessage(`The function '${name}' answered what is no JSON: ${reason}`));
  }
  const read = text === undefined ? null : readExactJson(text, JSON_DEPTH_MAX);
  if (read?.kind === "json") return { kind: "completed", result: read.value };
  const reason = read?.kind === "inexact" ? `: '${read.path}' ${read.message}` : "";
  return failed("invalid_result", failureMessage(`The function '${name}' answered what is no JSON${reason}.`));
}

function failed(code: string, message: string): ToolOutcome {
  return { kind: "failed", error: { code, message } };
}
