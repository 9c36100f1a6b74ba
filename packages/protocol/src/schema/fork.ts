import { z } from "zod";
import { INPUT_MESSAGES_MAX, INPUT_TEXT_CHARACTERS_MAX, RERUN_CALLS_MAX } from "../limits.ts";
import { startLimitsSchema } from "./agent-config.ts";
import { idOrNameSchema, idSchema } from "./ids.ts";
import { userMessageSchema } from "./message.ts";
import { metadataSchema } from "./metadata.ts";
import { positionTextSchema } from "./position.ts";

/** Where a run was forked. */
export const forkOriginSchema = z.object({ runId: idSchema, position: z.string() });

/** The body of `POST /api/runs/:id/fork`. */
export const forkRunBodySchema = z.strictObject({
  position: positionTextSchema,
  input: z
    .union([
      z.string().min(1).max(INPUT_TEXT_CHARACTERS_MAX),
      z.array(userMessageSchema).min(1).max(INPUT_MESSAGES_MAX),
    ])
    .optional(),
  agent: idOrNameSchema.optional(),
  versionId: idSchema.optional(),
  rerun: z.array(idSchema).min(1).max(RERUN_CALLS_MAX).optional(),
  limits: startLimitsSchema.optional(),
  metadata: metadataSchema.optional(),
});
