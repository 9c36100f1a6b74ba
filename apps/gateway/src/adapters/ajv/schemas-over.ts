import { hash } from "node:crypto";
import { isDeeperThan, type JsonObject, type JsonValue } from "@hsafa/protocol";
import { JSON_DEPTH_MAX } from "../../core/limits.ts";
import type { JsonSchemas } from "../../ports/json-schemas.ts";
import { fitsPlainly, isPlainSchema } from "./fits-plainly.ts";
import { REQUEST_COMPILE_MAX_MS, SCHEMA_CHARACTERS_MAX, SCHEMAS_PER_JOB_MAX } from "./limits.ts";
import type { SchemaJob, SchemaVerdict } from "./schema-job.ts";
import type { JobOutcome } from "./schema-workers.ts";
import { SlowSchemas } from "./slow-schemas.ts";
import { UsableSchemas } from "./usable-schemas.ts";

/** Does a job for a tenant, somewhere. `write` returns it once its turn has come. */
type PerformJob = (tenantId: string, write: () => SchemaJob) => Promise<JobOutcome>;

/** A schema as text, or why it cannot be used. */
type WrittenSchema =
  | { readonly kind: "written"; readonly text: string; readonly hash: string; readonly isPlain: boolean }
  | { readonly kind: "refused"; readonly reason: string };

/** A question to which no answer is known. */
interface Question {
  readonly kind: "question";
  readonly schema: string;
  readonly value: string | null;
  readonly isOutput: boolean;
  /** Names the schema of this tenant. */
  readonly key: string;
}

/** What is asked: of a schema, with a value or with none. */
interface Asked {
  readonly schema: JsonObject;
  readonly value?: JsonValue;
  /** Whether the schema is of what a run ends with. */
  readonly isOutput?: boolean;
}

const UNUSABLE = "the schema itself cannot be used: ";
const TOO_SLOW_VALUE = "checking it against the schema takes too long";
const BUSY = "too many schemas are being checked for this tenant; try again in a moment";

/** JSON Schemas, where `perform` does what must not keep the event loop. */
export function schemasOver(perform: PerformJob): JsonSchemas {
  const slow = new SlowSchemas();
  const usable = new UsableSchemas();
  /** Questions for faults under way: many devices with the same tools come together. */
  const seeking = new Map<string, Promise<readonly (string | null)[]>>();
  /** By identity: the calls of a step name the same few schemas, and writing a large one takes its time. */
  const written = new WeakMap<JsonObject, WrittenSchema>();

  const writtenOf = (schema: JsonObject): WrittenSchema => {
    const known = written.get(schema) ?? writeSchema(schema);
    written.set(schema, known);
    return known;
  };

  /** Judges by the text alone, or makes a question of it. */
  const prepare = (tenantId: string, { schema, value, isOutput = false }: Asked): SchemaVerdict | Question => {
    const known = writtenOf(schema);
    if (known.kind === "refused") return { kind: "unusable", reason: known.reason };
    if (isDeeperThan(value, JSON_DEPTH_MAX)) {
      return { kind: "unfit", reason: `the value is nested deeper than ${JSON_DEPTH_MAX} levels` };
    }
    if (value !== undefined && known.isPlain && fitsPlainly(schema, value)) return { kind: "fits" };
    const text = value === undefined ? null : JSON.stringify(value);
    const key = `${tenantId} ${known.hash}`;
    const tooSlow = slow.find(key, text?.length ?? 0);
    if (tooSlow !== null) return { kind: "too_slow", what: tooSlow, alone: true };
    return { kind: "question", schema: known.text, value: text, isOutput, key };
  };

  /** Asks about many schemas, each with a value or with none. */
  const ask = async (tenantId: string, asked: readonly Asked[]): Promise<readonly (SchemaVerdict | "busy")[]> => {
    const prepared = asked.map((one) => prepare(tenantId, one));
    const questions = prepared.filter((one) => one.kind === "question");
    const verdicts: (SchemaVerdict | "busy")[] = [];
    let compileMaxMs = REQUEST_COMPILE_MAX_MS;
    while (verdicts.length < questions.length) {
      const next = nextOf(questions, verdicts.length);
      const outcome = await perform(tenantId, () => jobOf(next, compileMaxMs));
      if (outcome.kind === "done") compileMaxMs -= outcome.compileMs;
      verdicts.push(...verdictsOf(outcome, next));
    }
    questions.forEach(({ key, value }, index) => {
      const verdict = verdicts[index];
      if (verdict === undefined || verdict === "busy" || verdict.kind !== "too_slow" || !verdict.alone) return;
      slow.remember(key, verdict.what === "schema" ? 0 : (value?.length ?? 0));
    });
    let place = 0;
    return prepared.map((one) => (one.kind === "question" ? (verdicts[place++] ?? "busy") : one));
  };

  /** What is wrong with each of these schemas, as `findFaults` returns it. */
  const seekFaults = async (tenantId: string, schemas: readonly JsonObject[]): Promise<readonly (string | null)[]> => {
    const verdicts = await ask(
      tenantId,
      schemas.map((schema) => ({ schema })),
    );
    return verdicts.map((verdict, index) => {
      const schema = schemas[index];
      const known = schema === undefined ? undefined : written.get(schema);
      if (verdict !== "busy" && verdict.kind === "fits" && known?.kind === "written") usable.remember(known.hash);
      return verdict !== "busy" && (verdict.kind === "unusable" || verdict.kind === "unfit") ? verdict.reason : null;
    });
  };

  return {
    async check({ tenantId, schemas }) {
      const verdicts = await ask(
        tenantId,
        schemas.map((schema) => ({ schema })),
      );
      const known = verdicts.filter((verdict) => verdict !== "busy");
      return known.length < verdicts.length ? { kind: "busy" } : { kind: "checked", faults: known.map(schemaFault) };
    },
    async checkOutput({ tenantId, schema }) {
      const [verdict = "busy"] = await ask(tenantId, [{ schema, isOutput: true }]);
      return verdict === "busy" ? { kind: "busy" } : { kind: "checked", fault: schemaFault(verdict) };
    },
    async findFaults({ tenantId, schemas }) {
      const names = schemas.map((schema) => {
        const known = writtenOf(schema);
        return known.kind === "written" ? known.hash : known.reason;
      });
      if (names.every((name) => usable.has(name))) return names.map(() => null);
      const key = `${tenantId} ${names.join(" ")}`;
      const underWay = seeking.get(key);
      if (underWay !== undefined) return underWay;
      const sought = seekFaults(tenantId, schemas).finally(() => void seeking.delete(key));
      seeking.set(key, sought);
      return sought;
    },
    async validate({ tenantId, values }) {
      const verdicts = await ask(tenantId, values);
      return verdicts.map((verdict) => {
        if (verdict === "busy") return BUSY;
        switch (verdict.kind) {
          case "fits":
            return null;
          case "unusable":
            return `${UNUSABLE}${verdict.reason}`;
          case "unfit":
            return verdict.reason;
          case "too_slow":
            return verdict.what === "schema" ? `${UNUSABLE}it takes too long to compile` : TOO_SLOW_VALUE;
          default:
            return verdict satisfies never;
        }
      });
    },
  };
}

/** Returns why a schema cannot be used; null: it can. */
function schemaFault(verdict: SchemaVerdict): string | null {
  switch (verdict.kind) {
    case "fits":
      return null;
    case "unusable":
    case "unfit":
      return verdict.reason;
    case "too_slow":
      return verdict.alone
        ? "it takes too long to compile"
        : "the schemas of this request take too long to compile together; make them simpler, or push fewer";
    default:
      return verdict satisfies never;
  }
}

function writeSchema(schema: JsonObject): WrittenSchema {
  // This comes first, because `JSON.stringify` overflows the stack on deep nesting.
  if (isDeeperThan(schema, JSON_DEPTH_MAX)) {
    return { kind: "refused", reason: `it is nested deeper than ${JSON_DEPTH_MAX} levels` };
  }
  const text = JSON.stringify(schema);
  if (text.length > SCHEMA_CHARACTERS_MAX) {
    return { kind: "refused", reason: `it is longer than ${SCHEMA_CHARACTERS_MAX} characters` };
  }
  return { kind: "written", text, hash: hash("sha256", text, "base64"), isPlain: isPlainSchema(schema) };
}

/** The questions of the next job. Values are checked together, since they have one budget. */
function nextOf(questions: readonly Question[], from: number): readonly Question[] {
  const isOfValues = questions[from]?.value !== null;
  return isOfValues ? questions.slice(from) : questions.slice(from, from + SCHEMAS_PER_JOB_MAX);
}

function jobOf(questions: readonly Question[], compileMaxMs: number): SchemaJob {
  const schemas = [...new Set(questions.map(({ schema }) => schema))];
  const places = new Map(schemas.map((schema, place) => [schema, place]));
  const checks = questions.map(({ schema, value, isOutput }) => ({ schema: places.get(schema) ?? 0, value, isOutput }));
  return { schemas, checks, compileMaxMs };
}

function verdictsOf(outcome: JobOutcome, questions: readonly Question[]): readonly (SchemaVerdict | "busy")[] {
  switch (outcome.kind) {
    case "done":
      return outcome.verdicts;
    case "busy":
      return questions.map(() => "busy");
    case "lost":
      // Nobody knows which of several it was. One alone is remembered.
      return questions.map(({ value }) => ({
        kind: "too_slow",
        what: value === null ? "schema" : "value",
        alone: questions.length === 1,
      }));
    default:
      return outcome satisfies never;
  }
}
