import { z } from "zod";
import { agentConfigSchema } from "./agent-config.ts";
import { writtenObjectSchema } from "./json.ts";

/** Any JSON object: zod knows the check, and cannot say it. */
const objectField: z.core.$ZodType = writtenObjectSchema;

/** Returns the JSON Schema of an agent's file, made from the schema by which the gateway checks its config. */
export function agentJsonSchema(): object {
  const { $schema, ...schema } = z.toJSONSchema(agentConfigSchema, {
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema === objectField) jsonSchema.type = "object";
    },
  });
  const properties = { $schema: { type: "string", description: "Where this schema lies." }, ...schema.properties };
  return { $schema, title: "An agent of hsafa", ...schema, properties };
}
