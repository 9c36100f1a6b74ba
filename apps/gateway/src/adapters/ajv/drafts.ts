import type { JsonObject } from "@hsafa/protocol";
import { Ajv, type Options, type ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { RE2JS } from "re2js";

/** One version of JSON Schema. */
export interface Draft {
  /** Every schema of this draft must fit it. */
  readonly metaSchema: ValidateFunction;
  /** Makes a new ajv, which compiles one schema. */
  instance(): Ajv;
}

/**
 * Returns the draft in which a schema is written: 2020-12 unless `$schema` names another, and null if that one is not
 * supported. 2019-09 is read as 2020-12, and draft-06 as draft-07: their differences hardly occur in schemas of tools.
 */
export function draftOf(schema: JsonObject): Draft | null {
  const named = schema.$schema ?? "2020-12";
  if (typeof named !== "string") return null;
  if (/2020-12|2019-09/.test(named)) return DRAFTS.later();
  return /draft-0[67]/.test(named) ? DRAFTS.earlier() : null;
}

/** Matches any pattern in linear time. Look-around and back references, which need more, are refused when compiled. */
const linearRegExp = Object.assign((pattern: string) => RE2JS.compile(RE2JS.translateRegExp(pattern)), {
  code: "linearRegExp",
});

const OPTIONS: Options = {
  // Schemas of tools contain many further keywords, which JSON Schema says to ignore. The meta schema still refuses
  // malformed schemas.
  strict: false,
  logger: false,
  // The schema was checked against `metaSchema` before. Without its own, an instance is cheap, and a `$ref` can reach
  // only the schema that it compiles.
  validateSchema: false,
  meta: false,
  // A definition is compiled once. Inlined, a large one would be compiled again for each reference to it.
  inlineRefs: false,
  code: { regExp: linearRegExp },
};

/**
 * Makes a value at its first use. A meta schema costs start-up time. It must also be built before a time limit begins,
 * because a busy machine may need longer for it than a schema may take.
 */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}

const DRAFTS = {
  later: once(() => draft((options) => new Ajv2020(options), "https://json-schema.org/draft/2020-12/schema")),
  earlier: once(() => draft((options) => new Ajv(options), "http://json-schema.org/draft-07/schema")),
};

function draft(make: (options: Options) => Ajv, metaSchemaId: string): Draft {
  const metaSchema = make({ strict: false, logger: false }).getSchema(metaSchemaId);
  if (metaSchema === undefined) throw new Error(`ajv has no meta schema ${metaSchemaId}`);
  return {
    metaSchema,
    instance: () => {
      const ajv = make(OPTIONS);
      // Formats are checked, so that a model learns of a wrong date. The fast forms accept a little more and cost
      // little.
      addFormats.default(ajv, { mode: "fast" });
      return ajv;
    },
  };
}
