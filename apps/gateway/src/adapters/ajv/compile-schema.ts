import type { JsonObject, JsonValue } from "@hsafa/protocol";
import type { ErrorObject, ValidateFunction } from "ajv";
import { draftOf } from "./drafts.ts";
import { COMPILED_BYTES_PER_CHARACTER, PATTERN_INSTRUCTION_BYTES } from "./limits.ts";
import { schemaWork } from "./schema-work.ts";

/** A schema that can be used, or why it cannot. `bytes`: the memory that it takes, as estimated. */
export type CompiledSchema = Compiled & { readonly bytes: number };

type Compiled =
  | {
      readonly kind: "usable";
      /** Returns why a value does not fit, or null. */
      readonly validate: (value: JsonValue) => string | null;
    }
  | { readonly kind: "refused"; readonly reason: string };

/** Compiles the JSON of a schema with ajv. It takes a time that the caller bounds. */
export function compileSchema(text: string): CompiledSchema {
  const schema = JSON.parse(text) as JsonObject;
  const { fault, patternInstructions } = schemaWork(schema);
  const bytes = text.length * COMPILED_BYTES_PER_CHARACTER + patternInstructions * PATTERN_INSTRUCTION_BYTES;
  return fault === null ? { bytes, ...compile(schema) } : { bytes: text.length, kind: "refused", reason: fault };
}

function compile(schema: JsonObject): Compiled {
  const draft = draftOf(schema);
  if (draft === null) {
    return { kind: "refused", reason: "its $schema is not supported: use draft 2020-12 or draft-07, or leave it out" };
  }
  // `$schema` has selected the draft. `$async` is ajv's own, and would make every check return a promise.
  const { $schema: _schema, $async: _async, ...rest } = schema;
  const faults = errorsOf(draft.metaSchema, rest);
  if (faults !== null) return { kind: "refused", reason: sentenceOf(faults, "the schema") };
  try {
    // A new instance each time, because an instance keeps everything that it ever compiled.
    const validator = draft.instance().compile(rest);
    return {
      kind: "usable",
      validate: (value) => {
        const errors = errorsOf(validator, value);
        return errors === null ? null : sentenceOf(errors, "the value");
      },
    };
  } catch (error) {
    return { kind: "refused", reason: error instanceof Error ? error.message : "it cannot be compiled" };
  }
}

function errorsOf(validator: ValidateFunction, value: JsonValue): readonly ErrorObject[] | null {
  try {
    return validator(value) ? null : (validator.errors ?? []);
  } catch {
    // A schema whose references lead deeper than the stack.
    const message = "asks for references that lead too deep";
    return [{ keyword: "$ref", instancePath: "", schemaPath: "", params: {}, message }];
  }
}

/** Writes errors as `/city must be string`. It names what is allowed or missing, so that a model can correct it. */
function sentenceOf(errors: readonly ErrorObject[], root: string): string {
  const [first] = errors;
  if (first === undefined) return `${root} does not fit`;
  // In an anyOf the errors of the branches come before the error of the whole, which is the last.
  const told = errors.length > 1 ? [first, ...errors.slice(-1)] : [first];
  return told
    .map((error) => `${error.instancePath || root} ${error.message ?? "does not fit"}${detailOf(error)}`)
    .join("; ");
}

function detailOf({ keyword, params }: ErrorObject): string {
  switch (keyword) {
    case "additionalProperties":
      return `: '${String(params.additionalProperty)}'`;
    case "unevaluatedProperties":
      return `: '${String(params.unevaluatedProperty)}'`;
    case "enum":
      return `: ${JSON.stringify(params.allowedValues)}`;
    case "const":
      return `: ${JSON.stringify(params.allowedValue)}`;
    default:
      return "";
  }
}
