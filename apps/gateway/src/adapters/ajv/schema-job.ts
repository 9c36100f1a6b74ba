/** Work about schemas that is done together, on one budget. JSON travels as its text: a thread takes text fast. */
export interface SchemaJob {
  /** Each schema once. */
  readonly schemas: readonly string[];
  /** CPU time to compile those that are new, in ms. */
  readonly compileMaxMs: number;
  readonly checks: readonly SchemaCheck[];
}

/**
 * One question: whether a schema can be used, or, with a value, whether the value fits it. `isOutput`: also whether
 * some object fits it.
 */
export interface SchemaCheck {
  /** The place of the schema in the job. */
  readonly schema: number;
  readonly isOutput?: boolean;
  readonly value: string | null;
}

/** The answers to the questions of a job, in their order. */
export interface SchemaJobResult {
  readonly verdicts: readonly SchemaVerdict[];
  /** CPU time that was used to compile, in ms. */
  readonly compileMs: number;
}

/** The answer to one question. */
export type SchemaVerdict =
  | { readonly kind: "fits" }
  /** The schema cannot be used. */
  | { readonly kind: "unusable"; readonly reason: string }
  /** The value does not fit. */
  | { readonly kind: "unfit"; readonly reason: string }
  /** It was cut off, `alone` by its own doing; else the budget of the job was used up. */
  | { readonly kind: "too_slow"; readonly what: "schema" | "value"; readonly alone: boolean };
