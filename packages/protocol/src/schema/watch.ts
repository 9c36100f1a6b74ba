import { z } from "zod";
import { TOKEN_CHARACTERS_MAX } from "../limits.ts";
import { authRefreshSchema, pingSchema } from "./device-message.ts";
import { idSchema } from "./ids.ts";
import { positionTextSchema } from "./position.ts";

/** Any message from a client on `WS /api/watch`. */
export const watchMessageSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("auth"), token: z.string().max(TOKEN_CHARACTERS_MAX) }),
  authRefreshSchema,
  z.strictObject({ type: z.literal("subscribe"), runId: idSchema, after: positionTextSchema.optional() }),
  z.strictObject({ type: z.literal("unsubscribe"), runId: idSchema }),
  pingSchema,
]);
