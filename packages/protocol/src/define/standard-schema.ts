import type { JsonObject } from "../json.ts";
import { isObjectSchema } from "./is-object-schema.ts";

/**
 * A schema of a library that follows Standard Schema and its JSON Schema part, such as zod 4.2 or ArkType 2.1.
 * https://standardschema.dev
 */
export interface StandardSchema<Input = unknown, Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
    validate(value: unknown): StandardResult<Output> | Promise<StandardResult<Output>>;
    /** Libraries that can write themselves as JSON Schema have it. */
    readonly jsonSchema?: { input(options: { readonly target: "draft-2020-12" }): Record<string, unknown> };
  };
}

/** The outcome of a check: the value as the library made it, or what is wrong. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

/** One thing that is wrong with a value. */
export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Whether a value is a schema of a library, and no plain JSON Schema. */
export function isStandardSchema(schema: object): schema is StandardSchema {
  return "~standard" in schema;
}

/** Returns the JSON Schema of what a library's schema takes. Throws a `TypeError` if it has none, or no object. */
export function jsonSchemaOf(schema: StandardSchema, where: string): JsonObject {
  const { vendor, jsonSchema } = schema["~standard"];
  if (jsonSchema === undefined) {
    throw new TypeError(
      `${where}: this version of ${vendor} makes no JSON Schema by itself; use a newer one, or write the JSON Schema.`,
    );
  }
  const { $schema: _draft, ...made } = jsonSchema.input({ target: "draft-2020-12" });
  if (!isObjectSchema(made)) throw new TypeError(`${where}: it must describe an object; take the schema of one.`);
  return made;
}

/**
 * Returns what the library makes of a value. Rejects with an `Error` that says what is wrong with it. Its `code` is
 * `invalid_args`, which a device passes on.
 */
export async function parseStandard<Output>(schema: StandardSchema<unknown, Output>, value: unknown): Promise<Output> {
  const result = await schema["~standard"].validate(value);
  if (result.issues === undefined) return result.value;
  throw Object.assign(new Error(result.issues.map(told).join("; ")), { code: "invalid_args" });
}

function told({ message, path = [] }: StandardIssue): string {
  const keys = path.map((part) => String(typeof part === "object" ? part.key : part));
  return keys.length === 0 ? message : `${keys.join(".")}: ${message}`;
}
