import type { JsonObject, JsonValue } from "@hsafa/protocol";

/** `faults`: for each schema why it cannot be used, or null if it can. `busy`: nobody looked; it may be asked again. */
export type SchemaCheck =
  | { readonly kind: "checked"; readonly faults: readonly (string | null)[] }
  | { readonly kind: "busy" };

/** `fault`: why no run can end with an object of this schema, or null. `busy`: nobody looked; it may be asked again. */
export type OutputSchemaCheck = { readonly kind: "checked"; readonly fault: string | null } | { readonly kind: "busy" };

/**
 * JSON Schemas (draft 2020-12 and draft-07), by which tools describe their arguments, and agents
 * the objects that their runs end with.
 *
 * 1. Nothing that a schema or a value asks for keeps the event loop, and no call ever rejects.
 * 2. What is asked in one call has one budget of time together. What comes after it is told as too slow.
 * 3. A tenant that asks for slow checks delays another tenant's by at most one of them.
 */
export interface JsonSchemas {
  check(params: { readonly tenantId: string; readonly schemas: readonly JsonObject[] }): Promise<SchemaCheck>;
  /** Whether runs can end with an object of this schema: it can be used, and some object fits it. */
  checkOutput(params: { readonly tenantId: string; readonly schema: JsonObject }): Promise<OutputSchemaCheck>;
  /** Returns for each schema why it is no usable schema. Null also for one that could not be judged in time. */
  findFaults(params: {
    readonly tenantId: string;
    readonly schemas: readonly JsonObject[];
  }): Promise<readonly (string | null)[]>;
  /** Returns for each value why it does not fit its schema, or null if it does. */
  validate(params: {
    readonly tenantId: string;
    readonly values: readonly { readonly schema: JsonObject; readonly value: JsonValue }[];
  }): Promise<readonly (string | null)[]>;
}
