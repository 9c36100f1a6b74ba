import { z } from "zod";
import { TOKEN_LIFETIME_S_DEFAULT, TOKEN_LIFETIME_S_MAX } from "../limits.ts";
import { SCOPES } from "../token.ts";
import { deviceKeySchema, idSchema } from "./ids.ts";
import { timeSchema } from "./time.ts";

/** One thing that a key or token lets its holder do. */
export const scopeSchema = z.enum(SCOPES);

/** The body of `POST /api/tokens`. */
export const createTokenBodySchema = z.strictObject({
  scopes: z.array(scopeSchema).min(1),
  runId: idSchema.optional(),
  threadId: idSchema.optional(),
  deviceKey: deviceKeySchema.optional(),
  expiresInSeconds: z.int().min(1).max(TOKEN_LIFETIME_S_MAX).default(TOKEN_LIFETIME_S_DEFAULT),
});

/** The response to a made token. */
export const createdTokenSchema = z.object({ token: z.string(), expiresAt: timeSchema });
