/** `npm run docs`: writes what is made from data: tables of documents, the schema of agents' files. Tests compare. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AGENT_SCHEMA_FILE, agentSchemaText } from "./agent-schema.ts";
import { generatedDocs, withTables } from "./generated-docs.ts";

for (const name of generatedDocs) {
  const path = join(import.meta.dirname, "..", name);
  writeFileSync(path, withTables(readFileSync(path, "utf8")));
}
writeFileSync(join(import.meta.dirname, "..", AGENT_SCHEMA_FILE), agentSchemaText());
