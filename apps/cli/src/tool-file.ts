import type { DeviceTool } from "@hsafa/client";
import { CliError } from "./cli-error.ts";
import { own } from "./shown.ts";
import { importUserModule } from "./user-module.ts";

/** Returns the tools, by name, that a JavaScript or TypeScript module exports by default. */
export async function readToolFile(file: string): Promise<Readonly<Record<string, DeviceTool>>> {
  const tools = await importUserModule(file);
  const entries = typeof tools === "object" && tools !== null && !Array.isArray(tools) ? Object.entries(tools) : [];
  const wrong = entries.find(([, tool]) => !isTool(tool));
  if (entries.length > 0 && wrong === undefined) return tools as Record<string, DeviceTool>;
  const which = wrong === undefined ? own`` : own` ('${wrong[0]}' is none)`;
  throw new CliError(
    own`${file} exports no tools${which}; write\n  export default { my_tool: { description, inputSchema, execute(args) { ... } } };`,
  );
}

function isTool(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { inputSchema, execute } = value as Partial<DeviceTool>;
  return typeof execute === "function" && typeof inputSchema === "object" && inputSchema !== null;
}
