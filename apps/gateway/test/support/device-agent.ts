import type { AgentConfigInput, JsonValue, RunEvent } from "@hsafa/protocol";

type ToolInput = NonNullable<AgentConfigInput["tools"]>[number];

/** An agent that makes all these calls in its first step, and then says their results. */
export function callingAgent(
  name: string,
  calls: readonly { readonly tool: string; readonly args?: JsonValue }[],
  tools: readonly Partial<ToolInput>[] = [{ name: "read" }],
): AgentConfigInput {
  const first = calls.map(({ tool, args = {} }) => ({ call: tool, args }));
  const script = [first, [{ say: "Answers: {{results}}" }]];
  return {
    name,
    model: "demo/script",
    settings: { providerOptions: { demo: { script } } },
    tools: tools.map((tool) => ({ name: "read", inputSchema: { type: "object" }, ...tool })),
  };
}

/** Returns the events of one type. */
export function ofType<T extends RunEvent["type"]>(
  events: readonly RunEvent[],
  type: T,
): Extract<RunEvent, { type: T }>[] {
  return events.filter((event): event is Extract<RunEvent, { type: T }> => event.type === type);
}
