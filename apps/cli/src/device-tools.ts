import type { DeviceTool, DeviceToolContext } from "@hsafa/client";
import { checkArgs, type DefinedAgent, type DefinedTool } from "@hsafa/protocol/define";

/** The tools of an agent that devices execute. */
type OnDevice<Tools extends readonly DefinedTool[]> = Extract<Tools[number], { readonly target: "device" | "browser" }>;

/** A function for each tool that this device offers, by its name. Its arguments are those of the tool's schema. */
export type DeviceImplementations<Tools extends readonly DefinedTool[]> = {
  readonly [Name in OnDevice<Tools>["name"]]?: (
    args: ArgsOfTool<Extract<Tools[number], { readonly name: Name }>>,
    context: DeviceToolContext,
  ) => unknown;
};

type ArgsOfTool<Tool extends DefinedTool> = Awaited<ReturnType<Tool[typeof checkArgs]>>;

/**
 * Returns an agent's tools as `createDevice` and `hsafa device --tools` take them. A name that is no tool of the agent
 * does not compile, and throws a `TypeError`. So does a tool that no device executes.
 */
export function deviceTools<const Tools extends readonly DefinedTool[]>(
  agent: DefinedAgent<Tools>,
  implementations: DeviceImplementations<Tools>,
): Record<string, DeviceTool> {
  const given = Object.entries(implementations as Record<string, Execute>);
  return Object.fromEntries(given.map(([name, execute]) => [name, toolOf(agent, name, execute)]));
}

type Execute = (args: unknown, context: DeviceToolContext) => unknown;

function toolOf(agent: DefinedAgent, name: string, execute: Execute): DeviceTool {
  const tool = agent.tools.find((one) => one.name === name);
  if (tool === undefined) throw new TypeError(`The agent '${agent.name}' has no tool '${name}'.`);
  if (tool.target !== "device" && tool.target !== "browser") {
    throw new TypeError(`The tool '${name}' executes on no device: its target is '${tool.target}'.`);
  }
  const { description, inputSchema } = tool;
  return {
    ...(description === undefined ? {} : { description }),
    inputSchema,
    execute: async (args, context) => execute(await tool[checkArgs](args), context),
  };
}
