import { type AgentConfig, providerToolName, type RunScope } from "@hsafa/protocol";

/** The config of an agent for one run, with what its start adds. */
export function scopedConfig(config: AgentConfig, { instructions, tools, outputSchema }: RunScope): AgentConfig {
  const named = new Map(config.tools.map((tool) => [tool.name, tool]));
  const system = [config.system, instructions].filter((text) => text !== undefined).join("\n\n");
  return {
    ...config,
    ...(instructions === undefined ? {} : { system }),
    ...(outputSchema === undefined ? {} : { outputSchema }),
    ...(tools === undefined
      ? {}
      : {
          tools: tools.flatMap((tool) =>
            typeof tool === "string" ? (named.get(tool) ?? []) : { ...tool, onTimeout: "tell-model" as const },
          ),
          providerTools: (config.providerTools ?? []).filter(({ id }) => tools.includes(providerToolName(id))),
        }),
  };
}

/** What a start adds to its agent, of everything that it says. */
export function scopeOf({ instructions, tools, outputSchema }: RunScope): RunScope {
  return {
    ...(instructions === undefined ? {} : { instructions }),
    ...(tools === undefined ? {} : { tools }),
    ...(outputSchema === undefined ? {} : { outputSchema }),
  };
}

/** What is wrong with the tools of a start, given the names of its agent's tools. */
export function scopeFaults(
  { tools = [] }: RunScope,
  known: readonly string[],
): { readonly path: string; readonly message: string }[] {
  const seen = new Set<string>();
  return tools.flatMap((tool, index) => {
    const isName = typeof tool === "string";
    const name = isName ? tool : tool.name;
    const path = isName ? `tools.${index}` : `tools.${index}.name`;
    if (seen.has(name)) return [{ path, message: `'${name}' names two tools` }];
    seen.add(name);
    if (isName === known.includes(name)) return [];
    const names = known.length === 0 ? "it has none" : `they are ${known.join(", ")}`;
    return [
      {
        path,
        message: isName
          ? `'${name}' is no tool of the agent; ${names}`
          : `'${name}' is a tool of the agent; give its name alone`,
      },
    ];
  });
}
