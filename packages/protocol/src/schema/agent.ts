import { z } from "zod";
import type { AgentConfigInput } from "../agent-config.ts";
import type { JsonObject } from "../json.ts";
import { DESCRIPTION_CHARACTERS_MAX, VERSION_LABEL_CHARACTERS_MAX } from "../limits.ts";
import { agentNameSchema, idSchema } from "./ids.ts";
import { jsonObjectSchema } from "./json.ts";
import { timeSchema } from "./time.ts";

/** A config before it is checked. */
const uncheckedConfigSchema: z.ZodType<JsonObject, AgentConfigInput | JsonObject> = jsonObjectSchema;

/**
 * The body of `POST /api/agents`. `config` is checked in a second pass, so that a fault in it is an
 * `invalid_agent_config` and not an `invalid_request`.
 */
export const pushAgentBodySchema = z.strictObject({
  name: agentNameSchema,
  config: uncheckedConfigSchema,
  version: z.string().min(1).max(VERSION_LABEL_CHARACTERS_MAX).optional(),
  description: z.string().max(DESCRIPTION_CHARACTERS_MAX).optional(),
  promote: z.boolean().default(true),
});

/** The response to a pushed agent. */
export const pushedAgentSchema = z.object({
  agentId: idSchema,
  versionId: idSchema,
  version: z.string(),
  configHash: z.string(),
  created: z.boolean(),
  warnings: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});

/** A version of an agent. */
export const agentVersionSchema = z.object({
  id: idSchema,
  agentId: idSchema,
  version: z.string(),
  configHash: z.string(),
  config: jsonObjectSchema.optional(),
  description: z.string().nullable(),
  createdAt: timeSchema,
});

/** An agent with the version that new runs take. */
export const agentSchema = z.object({
  id: idSchema,
  name: agentNameSchema,
  description: z.string().nullable(),
  currentVersion: agentVersionSchema.nullable(),
  createdAt: timeSchema,
  updatedAt: timeSchema,
});

/** The body of `POST /api/agents/:idOrName/promote`. */
export const promoteBodySchema = z.strictObject({ versionId: idSchema });
