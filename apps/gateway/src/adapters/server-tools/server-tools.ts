import type { Secrets } from "../../ports/secrets.ts";
import type { ServerTools } from "../../ports/server-tools.ts";
import { performFunctionTool, type ToolFunction } from "./function-tool.ts";
import { performHttpTool } from "./http-tool.ts";
import { withoutSecrets } from "./without-secrets.ts";

interface ServerToolsOptions {
  /** The functions that tools of type `function` call, by name. The program that starts the gateway gives them. */
  readonly functions?: Readonly<Record<string, ToolFunction>>;
  /** How tools of type `http` send requests. It refuses the targets that no tool may reach, with `TargetRefused`. */
  readonly fetch: typeof globalThis.fetch;
  readonly secrets: Secrets;
  /** Values that no tool may tell, whatever it was sent: those of the gateway itself. */
  readonly known?: readonly string[];
}

/** Tools that execute on the server, by their type. */
export function createServerTools({ functions = {}, fetch, secrets, known = [] }: ServerToolsOptions): ServerTools {
  return {
    async perform({ server, ...call }) {
      switch (server.type) {
        case "http":
          return performHttpTool(server, call, { fetch, secrets, known });
        case "function":
          return withoutSecrets(await performFunctionTool(functions, server.name ?? call.toolName, call), {
            inMessages: known,
            inResults: known,
          });
        default:
          return server satisfies never;
      }
    },
  };
}
