import type { AgentConfigInput, MODEL_PROVIDERS } from "../agent-config.ts";
import type { JsonObject } from "../json.ts";
import type { DefinedTool, ToolSchema } from "./define-tool.ts";
import { isObjectSchema } from "./is-object-schema.ts";
import type { CheckedSchema, FromJsonSchema } from "./json-schema.ts";
import type { AgentName } from "./names.ts";
import { isStandardSchema, jsonSchemaOf, type StandardSchema } from "./standard-schema.ts";

/** `<provider>/<model>`, such as `openai/gpt-5-mini`. */
export type ModelName = `${(typeof MODEL_PROVIDERS)[number]}/${string}`;

/** The property of a defined agent that only the compiler knows: what its runs end with. */
declare const endsWith: unique symbol;

/** An agent's config, whose tools, and what its runs end with, are known by their types. */
export interface DefinedAgent<Tools extends readonly DefinedTool[] = readonly DefinedTool[], Output = unknown>
  extends Omit<AgentConfigInput, "tools" | "outputSchema"> {
  readonly tools: Tools;
  readonly outputSchema?: JsonObject;
  readonly [endsWith]?: Output;
}

/** What the runs of a defined agent end with: the object of its `outputSchema`, or else a text. */
export type OutputOf<Agent extends DefinedAgent> =
  Agent extends DefinedAgent<infer _Tools, infer Output> ? Output : never;

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
export interface AgentOptions<Name extends string, Tools extends readonly DefinedTool[], Schema = undefined>
  extends Omit<AgentConfigInput, "name" | "model" | "tools" | "outputSchema"> {
  /** Letters, digits, `_`, `.` or `-`; it begins with a letter or digit. */
  readonly name: Name & AgentName<Name>;
  readonly model: ModelName;
  /** What `defineTool` returned, each under a name of its own. */
  readonly tools?: Tools & DifferentTools<Tools>;
  /** What its runs end with: a JSON Schema, or a schema of a library such as zod. They end with a text if left out. */
  readonly outputSchema?: Schema & (Schema extends StandardSchema<object> ? Schema : CheckedSchema<Schema>);
}

/** A text, unless there is a schema. What a run ends with is as the model wrote it: no library has changed it. */
type EndOf<Schema> = [Schema] extends [undefined]
  ? string
  : Schema extends StandardSchema<infer Input>
    ? Input
    : FromJsonSchema<Schema>;

/**
 * Defines an agent, for `export default` in a file that `hsafa push` and `hsafa dev` read. A wrong name, model or tool
 * does not compile. Throws a `TypeError` for an `outputSchema` that describes no object.
 */
export function defineAgent<
  const Name extends string,
  const Tools extends readonly DefinedTool[] = readonly [],
  const Schema extends ToolSchema | undefined = undefined,
>(agent: AgentOptions<Name, Tools, Schema>): DefinedAgent<Tools, EndOf<Schema>> {
  const { outputSchema, tools = [], ...rest } = agent as unknown as AgentConfigInput;
  const output = outputSchema === undefined ? {} : { outputSchema: objectSchemaOf(outputSchema, rest.name) };
  return { ...rest, ...output, tools } as unknown as DefinedAgent<Tools, EndOf<Schema>>;
}

function objectSchemaOf(schema: object, agent: string): JsonObject {
  const where = `The outputSchema of the agent '${agent}'`;
  if (isStandardSchema(schema)) return jsonSchemaOf(schema, where);
  if (isObjectSchema(schema)) return schema;
  throw new TypeError(`${where} needs "type": "object", since a run ends with an object.`);
}
