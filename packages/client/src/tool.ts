/** Tools of devices with a schema of any library, apart from the client: a page without such tools does not load it. */
export type { StandardIssue, StandardResult, StandardSchema } from "@hsafa/protocol/define";
export { defineTool, type ToolDefinition } from "./define-tool.ts";
