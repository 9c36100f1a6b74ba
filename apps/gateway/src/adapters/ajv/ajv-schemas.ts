import { isDeeperThan, type JsonObject, type JsonValue } from "@hsafa/protocol";
import type { ErrorObject, ValidateFunction } from "ajv";
import { failureMessage } from "../../core/failure-message.ts";
import { JSON_DEPTH_MAX } from "../../core/limits.ts";
import { SCHEMA_CHARACTERS_MAX, SCHEMA_TIME_MAX_MS, SCHEMAS_CACHED_MAX } from "./limits.ts";
import type { JsonSchemas } from "../../ports/json-schemas.ts";
import { type Draft, draftOf } from "./drafts.ts";
import { withinTimeLimit } from "./time-limit.ts";

type Compiled =
  | { readonly kind: "usable"; readonly validator: ValidateFunction }
  | { readonly kind: "refused"; readonly reason: string };

/** JSON Schemas by ajv. It keeps the compiled validators that were used last, by their schema's text. */
export function createAjvSchemas(): JsonSchemas {
  const compiled = new Map<string, Compiled>();

  const compiledOf = (schema: JsonObject): Compiled => {
    // This comes first, because `JSON.stringify` overflows the stack on deep nesting.
    if (isDeeperThan(schema, JSON_DEPTH_MAX)) {
      return { kind: "refused", reason: `it is nested deeper than ${JSON_DEPTH_MAX} levels` };
    }
    const text = JSON.stringify(schema);
    if (text.length > SCHEMA_CHARACTERS_MAX) {
      return { kind: "refused", reason: `it is longer than ${SCHEMA_CHARACTERS_MAX} characters` };
    }
    const draft = draftOf(schema);
    if (draft === null) {
      return {
        kind: "refused",
        reason: "its $schema is not supported: use draft 2020-12 or draft-07, or leave it out",
      };
    }
    const known = compiled.get(text);
    const result = known ?? withinTimeLimit(SCHEMA_TIME_MAX_MS, () => compile(draft, schema));
    // Not kept: the machine may have been busy for a moment.
    if (result === "too_slow") return { kind: "refused", reason: "it takes too long to compile" };
    compiled.delete(text);
    compiled.set(text, result);
    const oldest = compiled.keys().next().value;
    if (compiled.size > SCHEMAS_CACHED_MAX && oldest !== undefined) compiled.delete(oldest);
    return result;
  };

  return {
    check(schema) {
      const result = compiledOf(schema);
      return result.kind === "usable" ? null : failureMessage(result.reason);
    },
    validate(schema, value) {
      const result = compiledOf(schema);
      if (result.kind === "refused") return failureMessage(`the tool's own schema cannot be used: ${result.reason}`);
      const errors = withinTimeLimit(SCHEMA_TIME_MAX_MS, () => errorsOf(result.validator, value));
      if (errors === "too_slow") return "checking it against the schema takes too long";
      return errors === null ? null : failureMessage(sentenceOf(errors, "the value"));
    },
  };
}

function compile(draft: Draft, schema: JsonObject): Compiled {
  // `$schema` has selected the draft. `$async` is ajv's own, and would make every check return a promise.
  const { $schema: _schema, $async: _async, ...rest } = schema;
  const faults = errorsOf(draft.metaSchema, rest);
  if (faults !== null) return { kind: "refused", reason: sentenceOf(faults, "the schema") };
  return build(draft, rest);
}

/** Compiles with a new instance each time, because an instance keeps everything that it ever compiled. */
function build(draft: Draft, schema: JsonObject): Compiled {
  try {
    return { kind: "usable", validator: draft.instance().compile(schema) };
  } catch (error) {
    return { kind: "refused", reason: error instanceof Error ? error.message : "it cannot be compiled" };
  }
}

function errorsOf(validator: ValidateFunction, value: JsonValue): readonly ErrorObject[] | null {
  try {
    return validator(value) ? null : (validator.errors ?? []);
  } catch {
    // A schema that refers to itself on the same value overflows the stack.
    return [
      {
        keyword: "$ref",
        instancePath: "",
        schemaPath: "",
        params: {},
        message: "fits no schema that refers only to itself",
      },
    ];
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
