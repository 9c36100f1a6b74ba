import type { AgentConfigInput, MODEL_PROVIDERS } from "../agent-config.ts";
import type { DefinedTool } from "./define-tool.ts";
import type { AgentName } from "./names.ts";

/** `<provider>/<model>`, such as `openai/gpt-5-mini`. */
export type ModelName = `${(typeof MODEL_PROVIDERS)[number]}/${string}`;

/** An agent's config, whose tools are known by their types. */
export interface DefinedAgent<Tools extends readonly DefinedTool[] = readonly DefinedTool[]>
  extends Omit<AgentConfigInput, "tools"> {
  readonly tools: Tools;
}

/** The same tools if each has a name of its own, else a type that names the tool that stands twice. */
type DifferentTools<Tools extends readonly DefinedTool[]> = {
  readonly [Index in keyof Tools]: Tools[Index]["name"] extends NamesBut<Tools, Index>
    ? { readonly name: `two tools are named '${Tools[Index]["name"]}'` }
    : Tools[Index];
};

type NamesBut<Tools extends readonly DefinedTool[], Index extends PropertyKey> = {
  readonly [Other in keyof Tools]: Other extends Index
    ? never
    : string extends Tools[Other]["name"]
      ? never
      : Tools[Other]["name"];
}[number];

/** An agent, as a person writes it. */
export interface AgentOptions<Name extends string, Tools extends readonly DefinedTool[]>
  extends Omit<AgentConfigInput, "name" | "model" | "tools"> {
  /** Letters, digits, `_`, `.` or `-`; it begins with a letter or digit. */
  readonly name: Name & AgentName<Name>;
  readonly model: ModelName;
  /** What `defineTool` returned, each under a name of its own. */
  readonly tools?: Tools & DifferentTools<Tools>;
}

/**
 * Defines an agent, for `export default` in a file that `hsafa push` and `hsafa dev` read. A wrong name, model or tool
 * does not compile.
 */
export function defineAgent<const Name extends string, const Tools extends readonly DefinedTool[] = readonly []>(
  agent: AgentOptions<Name, Tools>,
): DefinedAgent<Tools> {
  return { ...agent, tools: agent.tools ?? [] } as unknown as DefinedAgent<Tools>;
}
