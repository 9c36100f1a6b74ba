import { isDeeperThan, type JsonValue } from "@hsafa/protocol";
import type { ToolOutcome } from "../../core/input.ts";
import { FAILURE_MESSAGE_CHARACTERS_MAX, JSON_DEPTH_MAX } from "../../core/limits.ts";

/** What a function is told beside its arguments. */
export interface ToolFunctionContext {
  readonly runId: string;
  /** The same when the same call is performed again. */
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
}

/** A tool in this process. Its result must be JSON; what it throws is told to the model by its message. */
export type ToolFunction = (args: JsonValue, context: ToolFunctionContext) => unknown;

/** Calls the function registered under this name. */
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
    // Through text, so that what is recorded is what a reader of the record gets; a function without a result answers
    // null.
    const text = JSON.stringify(result ?? null) as string | undefined;
    if (text === undefined) return failed("invalid_result", `The function '${name}' answered what is no JSON.`);
    return { kind: "completed", result: JSON.parse(text) as JsonValue };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return failed("tool_failed", message.slice(0, FAILURE_MESSAGE_CHARACTERS_MAX));
  }
}

function failed(code: string, message: string): ToolOutcome {
  return { kind: "failed", error: { code, message } };
}
