import { z } from "zod";
import { TOKEN_AGENTS_MAX, TOKEN_LIFETIME_S_DEFAULT, TOKEN_LIFETIME_S_MAX, TOOLS_PER_DEVICE_MAX } from "../limits.ts";
import { SCOPES } from "../token.ts";
import { groupsSchema } from "./groups.ts";
import { labelsSchema } from "./device.ts";
import { agentNameSchema, deviceKeySchema, idSchema, toolNameSchema } from "./ids.ts";
import { subjectSchema } from "./subject.ts";
import { timeSchema } from "./time.ts";

/** One thing that a key or token lets its holder do. */
export const scopeSchema = z.enum(SCOPES);

/** The body of `POST /api/tokens`. */
export const createTokenBodySchema = z.strictObject({
  scopes: z.array(scopeSchema).min(1),
  agents: z.array(agentNameSchema).min(1).max(TOKEN_AGENTS_MAX).optional(),
  versions: z.boolean().default(false),
  runId: idSchema.optional(),
  threadId: idSchema.optional(),
  deviceKey: deviceKeySchema.optional(),
  labels: labelsSchema.optional(),
  tools: z.array(toolNameSchema).min(1).max(TOOLS_PER_DEVICE_MAX).optional(),
  subject: subjectSchema.optional(),
  groups: groupsSchema.min(1).optional(),
  expiresInSeconds: z.int().min(1).max(TOKEN_LIFETIME_S_MAX).default(TOKEN_LIFETIME_S_DEFAULT),
});

/** The response to a made token. */
export const createdTokenSchema = z.object({ token: z.string(), scopes: z.array(scopeSchema), expiresAt: timeSchema });
