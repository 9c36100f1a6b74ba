import { z } from "zod";
import { timeSchema } from "./time.ts";
import { scopeSchema } from "./token.ts";

/** Who is signed in at the console. */
export const sessionSchema = z.object({
  kind: z.enum(["api_key", "token"]),
  name: z.string(),
  subject: z.string().nullable(),
  scopes: z.array(scopeSchema),
  expiresAt: timeSchema,
});

/** The response to `GET /api/session`. */
export const sessionStateSchema = z.object({ session: sessionSchema.nullable(), isLocal: z.boolean() });
