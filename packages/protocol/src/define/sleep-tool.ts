import { SLEEP_DESCRIPTION, SLEEP_INPUT_SCHEMA, type SleepArgs } from "../sleep.ts";
import { checkArgs, type DefinedTool } from "./define-tool.ts";
import type { ToolName } from "./names.ts";

/** A tool by which a run sleeps until a time, or for a while, for `defineAgent`. */
export function sleepTool<const Name extends string = "sleep">(
  options: {
    /** `sleep` if left out. */
    readonly name?: Name & ToolName<Name>;
    /** What the model reads about the tool. */
    readonly description?: string;
  } = {},
): DefinedTool<Name, "server", SleepArgs> {
  const { name = "sleep", description = SLEEP_DESCRIPTION } = options;
  const tool = {
    name,
    description,
    target: "server",
    inputSchema: SLEEP_INPUT_SCHEMA,
    server: { type: "sleep" },
    [checkArgs]: (args: unknown) => Promise.resolve(args),
  };
  return tool as unknown as DefinedTool<Name, "server", SleepArgs>;
}
