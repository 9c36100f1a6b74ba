import type { ServerToolInput, ToolConfigInput, ToolTarget } from "../agent-config.ts";
import type { JsonObject } from "../json.ts";
import { isObjectSchema } from "./is-object-schema.ts";
import type { CheckedSchema, FromJsonSchema, ObjectSchema } from "./json-schema.ts";
import type { ToolName } from "./names.ts";
import { isStandardSchema, jsonSchemaOf, parseStandard, type StandardSchema } from "./standard-schema.ts";

/** What describes a tool's arguments: a JSON Schema, or a schema of a library such as zod. */
export type ToolSchema = ObjectSchema | StandardSchema<object>;

/** What a tool is called with, once its schema has taken the arguments. */
export type ArgsOf<Schema> =
  Schema extends StandardSchema<infer _Input, infer Output> ? Output : FromJsonSchema<Schema>;

/** The property of a defined tool that checks arguments by its schema. JSON does not show it. */
export const checkArgs: unique symbol = Symbol.for("hsafa.check-args");

/** A tool of an agent. It is a part of the agent's config, and knows what its arguments are. */
export interface DefinedTool<Name extends string = string, Target extends ToolTarget = ToolTarget, Args = unknown>
  extends Omit<ToolConfigInput, "inputSchema"> {
  readonly name: Name;
  readonly target: Target;
  readonly inputSchema: JsonObject;
  /** Resolves with the arguments as the schema makes them. Rejects with an `Error` for wrong ones. */
  readonly [checkArgs]: (args: unknown) => Promise<Args>;
}

type AnyTarget = Omit<ToolConfigInput, "name" | "inputSchema" | "target" | "device" | "server">;

/** Where a tool executes, and what only means something there. */
export type ToolPlace =
  | { readonly target?: "device" | "browser"; readonly device?: ToolConfigInput["device"]; readonly server?: undefined }
  | { readonly target?: "server"; readonly server: ServerToolInput; readonly device?: undefined }
  | { readonly target: "external"; readonly server?: undefined; readonly device?: undefined };

/** Where nothing is said of the place, the compiler takes all of `ToolPlace`. The target is then `device`. */
type TargetOf<Place> = [ToolPlace] extends [Place]
  ? "device"
  : Place extends { readonly server: object }
    ? "server"
    : Place extends { readonly target: infer Target extends ToolTarget }
      ? Target
      : "device";

/** A tool, as a person writes it. */
export type ToolOptions<Name extends string, Schema, Place> = AnyTarget & {
  /** 1 to 64 letters, digits, `_` or `-`; it begins with a letter or `_`. */
  readonly name: Name & ToolName<Name>;
  /** What the arguments are. */
  readonly inputSchema: Schema & (Schema extends StandardSchema<object> ? Schema : CheckedSchema<Schema>);
} & Place;

/**
 * Defines a tool for `defineAgent`. A wrong name, target or schema does not compile. Throws a `TypeError` for a schema
 * that describes no object.
 */
export function defineTool<const Name extends string, const Schema extends ToolSchema, const Place extends ToolPlace>(
  tool: ToolOptions<Name, Schema, Place>,
): DefinedTool<Name, TargetOf<Place>, ArgsOf<Schema>> {
  const { inputSchema, ...rest } = tool as unknown as ToolConfigInput & { readonly inputSchema: ToolSchema };
  const where = `The tool '${rest.name}'`;
  const isStandard = isStandardSchema(inputSchema);
  if (!isStandard && !isObjectSchema(inputSchema)) {
    throw new TypeError(`${where}: its schema needs "type": "object", since the arguments of a tool are an object.`);
  }
  const defined = {
    ...rest,
    target: rest.server === undefined ? (rest.target ?? "device") : "server",
    inputSchema: isStandard ? jsonSchemaOf(inputSchema, where) : inputSchema,
    [checkArgs]: (args: unknown) => (isStandard ? parseStandard(inputSchema, args) : Promise.resolve(args)),
  };
  return defined as unknown as DefinedTool<Name, TargetOf<Place>, ArgsOf<Schema>>;
}
