import type { JsonObject } from "@hsafa/protocol";
import { parseStandard, type StandardSchema } from "@hsafa/protocol/define";
import type { DeviceTool, DeviceToolContext } from "./device-calls.ts";

/** A tool whose arguments have a schema. */
export interface ToolDefinition<Output> {
  /** What the tool does, for people who look at the device. */
  readonly description?: string;
  /** Checks the arguments once more on the device, fills in its defaults, and gives `execute` their type. */
  readonly input: StandardSchema<unknown, Output>;
  /** The same as JSON Schema, for the gateway. It may be left out if `input` can write it. */
  readonly inputSchema?: JsonObject;
  /** Does the work. What it returns, or resolves with, is the result: a JSON value. */
  execute(args: Output, context: DeviceToolContext): unknown;
}

/**
 * Makes a tool of a device whose arguments are checked and typed by a schema of any library. Throws a TypeError if the
 * schema cannot be written as JSON Schema and none is given. Arguments that the schema refuses end the call with
 * `invalid_args`, and the model reads why.
 */
export function defineTool<Output>(tool: ToolDefinition<Output>): DeviceTool {
  const standard = tool.input["~standard"];
  const inputSchema = tool.inputSchema ?? standard.jsonSchema?.input({ target: "draft-2020-12" });
  if (inputSchema === undefined) {
    throw new TypeError(`A schema of ${standard.vendor} cannot write itself as JSON Schema: give it as 'inputSchema'.`);
  }
  return {
    ...(tool.description === undefined ? {} : { description: tool.description }),
    inputSchema: inputSchema as JsonObject,
    execute: async (args, context) => tool.execute(await parseStandard(tool.input, args), context),
  };
}
