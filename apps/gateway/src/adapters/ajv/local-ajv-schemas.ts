import { SchemaChecker } from "./schema-checker.ts";
import { schemasOver } from "./schemas-over.ts";
import type { JsonSchemas } from "../../ports/json-schemas.ts";

/**
 * JSON Schemas by ajv on the thread of the caller, for a program that knows its schemas and cannot wait for another
 * thread.
 */
export function createLocalAjvSchemas(): JsonSchemas {
  const checker = new SchemaChecker();
  return schemasOver((_, write) => Promise.resolve({ kind: "done", ...checker.perform(write()) }));
}
