import { agentJsonSchema } from "../packages/protocol/src/schema/agent-json-schema.ts";

/** Where the schema lies, from the root of the repository. Editors find it by its path in the installed package. */
export const AGENT_SCHEMA_FILE = "apps/cli/agent.schema.json";

/** Returns the text of that file. */
export function agentSchemaText(): string {
  return `${JSON.stringify(agentJsonSchema(), null, 2)}\n`;
}
