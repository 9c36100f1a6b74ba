import type { ServerTools } from "../../ports/server-tools.ts";
import { performFunctionTool, type ToolFunction } from "./function-tool.ts";
import { performHttpTool } from "./http-tool.ts";

interface ServerToolsOptions {
  /** The functions that tools of type `function` call, by name. The program that starts the gateway gives them. */
  readonly functions?: Readonly<Record<string, ToolFunction>>;
  /**
   * How tools of type `http` send requests; the global `fetch` when absent. A program that must keep tools from certain
   * addresses does it here, where connections are made.
   */
  readonly fetch?: typeof globalThis.fetch;
}

/** Tools that execute on the server, by their type. */
export function createServerTools(options: ServerToolsOptions = {}): ServerTools {
  const { functions = {}, fetch = globalThis.fetch } = options;
  return {
    perform({ server, ...call }) {
      switch (server.type) {
        case "http":
          return performHttpTool(server, call, fetch);
        case "function":
          return performFunctionTool(functions, server.name ?? call.toolName, call);
        default:
          return server satisfies never;
      }
    },
  };
}
