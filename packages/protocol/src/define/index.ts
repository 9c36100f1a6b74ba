/** Agents and tools as typed definitions: what a file in `agents/` exports. It has no dependency. */
export { agentTool } from "./agent-tool.ts";
export { type AgentOptions, type DefinedAgent, defineAgent, type ModelName, type OutputOf } from "./define-agent.ts";
export {
  type ArgsOf,
  checkArgs,
  type DefinedTool,
  defineTool,
  type ToolOptions,
  type ToolPlace,
  type ToolSchema,
} from "./define-tool.ts";
export type { CheckedSchema, FromJsonSchema, JsonSchema, ObjectSchema } from "./json-schema.ts";
export { sleepTool } from "./sleep-tool.ts";
export { parseStandard, type StandardIssue, type StandardResult, type StandardSchema } from "./standard-schema.ts";
