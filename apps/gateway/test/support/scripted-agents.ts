import type { AgentConfigInput, JsonValue } from "@hsafa/protocol";

/** An agent whose model plays a script. */
export function scriptedAgent(name: string, script: JsonValue, more: Partial<AgentConfigInput> = {}): AgentConfigInput {
  return { name, model: "demo/script", settings: { providerOptions: { demo: { script } } }, ...more };
}

/** Tools of an agent with one that any program may answer. */
export function externalTool(name: string, more: object = {}): AgentConfigInput["tools"] {
  return [{ name, inputSchema: { type: "object" }, target: "external", ...more }];
}
