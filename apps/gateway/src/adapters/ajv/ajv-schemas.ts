import { schemasOver } from "./schemas-over.ts";
import { SchemaWorkers } from "./schema-workers.ts";
import type { JsonSchemas } from "../../ports/json-schemas.ts";

/**
 * JSON Schemas by ajv, in worker threads: nothing that a schema or a value asks for keeps the event loop. Close it with
 * the gateway. This thread does not even load ajv.
 */
export function createAjvSchemas(): JsonSchemas & { close(): Promise<void> } {
  const workers = new SchemaWorkers();
  return {
    ...schemasOver((tenantId, write) => workers.perform(tenantId, write)),
    close: () => workers.close(),
  };
}
