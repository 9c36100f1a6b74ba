import type { JsonObject } from "@hsafa/protocol";
import { Ajv, type Options, type ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { RE2JS } from "re2js";

/** One version of JSON Schema. */
export interface Draft {
  /** What every schema of this draft must fit. */
  readonly metaSchema: ValidateFunction;
  /** A fresh ajv to compile one schema with. */
  instance(): Ajv;
}

/**
 * The draft a schema is written in: 2020-12 unless `$schema` names another; null if that one is not supported. 2019-09
 * is read as 2020-12, and draft-06 as draft-07: what changed between them hardly occurs in the schemas of tools.
 */
export function draftOf(schema: JsonObject): Draft | null {
  const named = schema.$schema ?? "2020-12";
  if (typeof named !== "string") return null;
  if (/2020-12|2019-09/.test(named)) return DRAFTS.later();
  return /draft-0[67]/.test(named) ? DRAFTS.earlier() : null;
}

/**
 * Linear time whatever the pattern; look-around and back references, which cannot have that, are refused when compiled.
 */
const linearRegExp = Object.assign((pattern: string) => RE2JS.compile(RE2JS.translateRegExp(pattern)), {
  code: "linearRegExp",
});

const OPTIONS: Options = {
  // Schemas of tools bear all sorts of further keywords, which JSON Schema says to ignore. What is wrong by the meta
  // schema is still refused.
  strict: false,
  logger: false,
  // Checked before, against `metaSchema`; without it an instance is cheap and knows no schema that a `$ref` could reach
  // but the one it compiles.
  validateSchema: false,
  meta: false,
  code: { regExp: linearRegExp },
};

/**
 * Built at the first use, since compiling a meta schema costs start-up time; and before anybody's time limit begins,
 * since a busy machine may take longer for it than a schema is given.
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
      // A model that gets a date wrong is better told. The fast forms accept a little more, and cost next to nothing.
      addFormats.default(ajv, { mode: "fast" });
      return ajv;
    },
  };
}
