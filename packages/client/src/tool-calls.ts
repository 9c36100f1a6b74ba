import type { ListToolCallsQuery, Page, ToolCall } from "@hsafa/protocol";
import type { CallOptions, Connection } from "./connection.ts";

/** The calls about tool calls of all runs. Each rejects with an `HsafaError`, or with the signal's reason. */
export interface ToolCalls {
  /** Returns a page of tool calls, newest first: "which device executed tool X?" */
  list(query?: ListToolCallsQuery, options?: CallOptions): Promise<Page<ToolCall>>;
}

/** Makes the calls about tool calls. */
export function createToolCalls(connection: Connection): ToolCalls {
  return {
    list(query = {}, options = {}) {
      return connection.call("/api/tool-calls", { query: { ...query }, ...options });
    },
  };
}
