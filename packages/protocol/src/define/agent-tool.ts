import { CHILD_INPUT_SCHEMA, type ChildArgs } from "../child.ts";
import type { AgentServerTool, ToolConfigInput } from "../agent-config.ts";
import { checkArgs, type DefinedTool } from "./define-tool.ts";
import type { ToolName } from "./names.ts";

type Options = Pick<ToolConfigInput, "approval" | "timeoutMs" | "onTimeout">;

/** A tool whose calls the agent of this name takes, each as a run of its own, for `defineAgent`. */
export function agentTool<const Name extends string>(
  options: Options & {
    readonly name: Name & ToolName<Name>;
    readonly agent: string;
    /** What the model reads about the tool: what the agent is good for. */
    readonly description?: string;
  },
): DefinedTool<Name, "server", ChildArgs> {
  const { agent, ...rest } = options;
  const tool = {
    ...rest,
    target: "server",
    inputSchema: CHILD_INPUT_SCHEMA,
    server: { type: "agent", agent } satisfies AgentServerTool,
    [checkArgs]: (args: unknown) => Promise.resolve(args),
  };
  return tool as unknown as DefinedTool<Name, "server", ChildArgs>;
}
