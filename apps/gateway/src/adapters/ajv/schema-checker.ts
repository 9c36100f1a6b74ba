import type { JsonObject, JsonValue } from "@hsafa/protocol";
import { failureMessage } from "../../core/failure-message.ts";
import { type CompiledSchema, compileSchema } from "./compile-schema.ts";
import { COMPILED_BYTES_MAX, JOB_VALUES_MAX_MS, SCHEMA_COMPILE_MAX_MS } from "./limits.ts";
import type { SchemaJob, SchemaJobResult, SchemaVerdict } from "./schema-job.ts";
import { whyUnfillable } from "./why-unfillable.ts";
import { cpuMs, withinCpuLimit } from "./within-cpu-limit.ts";

/** Does jobs on the thread that calls it. It keeps the compiled schemas that were used last, by their text. */
export class SchemaChecker {
  readonly #kept = new Map<string, CompiledSchema>();
  #bytes = 0;

  /** Returns one verdict for each check. What comes after the budget of the job is used up is told as too slow. */
  perform({ schemas, checks, compileMaxMs }: SchemaJob): SchemaJobResult {
    const budget = { compileMs: compileMaxMs, valuesMs: JOB_VALUES_MAX_MS };
    const verdicts = checks.map((check): SchemaVerdict => {
      const compiled = this.#compiled(schemas[check.schema] ?? "{}", budget);
      if (!("kind" in compiled)) return { kind: "too_slow", what: "schema", alone: compiled.alone };
      if (compiled.kind === "refused") return { kind: "unusable", reason: failureMessage(compiled.reason) };
      if (check.isOutput === true) return outputVerdict(schemas[check.schema] ?? "{}", budget);
      if (check.value === null) return { kind: "fits" };
      const fault = this.#faultOf(compiled, check.value, budget);
      if (fault === null) return { kind: "fits" };
      return typeof fault === "string"
        ? { kind: "unfit", reason: failureMessage(fault) }
        : { kind: "too_slow", what: "value", alone: fault.alone };
    });
    return { verdicts, compileMs: compileMaxMs - budget.compileMs };
  }

  #compiled(schema: string, budget: { compileMs: number }): CompiledSchema | { readonly alone: boolean } {
    const kept = this.#kept.get(schema);
    if (kept !== undefined) {
      this.#kept.delete(schema);
      this.#kept.set(schema, kept);
      return kept;
    }
    if (budget.compileMs <= 0) return { alone: false };
    const limitMs = Math.min(SCHEMA_COMPILE_MAX_MS, budget.compileMs);
    const before = cpuMs();
    const compiled = withinCpuLimit(limitMs, () => compileSchema(schema));
    budget.compileMs -= cpuMs() - before;
    if (compiled === "starved") return { alone: false };
    if (compiled === "too_slow") return { alone: limitMs === SCHEMA_COMPILE_MAX_MS };
    this.#keep(schema, compiled);
    return compiled;
  }

  #faultOf(
    { validate }: Extract<CompiledSchema, { kind: "usable" }>,
    text: string,
    budget: { valuesMs: number },
  ): string | null | { readonly alone: boolean } {
    if (budget.valuesMs <= 0) return { alone: false };
    const limitMs = budget.valuesMs;
    const value = JSON.parse(text) as JsonValue;
    const before = cpuMs();
    const fault = withinCpuLimit(limitMs, () => validate(value));
    budget.valuesMs -= cpuMs() - before;
    if (fault === "starved") return { alone: false };
    return fault === "too_slow" ? { alone: limitMs > JOB_VALUES_MAX_MS / 2 } : fault;
  }

  #keep(schema: string, compiled: CompiledSchema): void {
    this.#kept.set(schema, compiled);
    this.#bytes += compiled.bytes;
    for (const [oldest, { bytes }] of this.#kept) {
      if (this.#bytes <= COMPILED_BYTES_MAX) break;
      this.#kept.delete(oldest);
      this.#bytes -= bytes;
    }
  }
}

/** Whether some object fits a schema. It counts as compiling, since both look at the schema alone. */
function outputVerdict(schema: string, budget: { compileMs: number }): SchemaVerdict {
  const before = cpuMs();
  const found = withinCpuLimit(SCHEMA_COMPILE_MAX_MS, () => ({ why: whyUnfillable(JSON.parse(schema) as JsonObject) }));
  budget.compileMs -= cpuMs() - before;
  if (typeof found === "string") return { kind: "too_slow", what: "schema", alone: found === "too_slow" };
  return found.why === null ? { kind: "fits" } : { kind: "unusable", reason: failureMessage(found.why) };
}
