import { z } from "zod";
import { FINISH_REASONS } from "../event.ts";
import { idSchema } from "./ids.ts";
import { jsonObjectSchema } from "./json.ts";
import { timeSchema } from "./time.ts";

/** A failure as clients read it. */
export const failureSchema = z.object({ code: z.string(), message: z.string(), data: jsonObjectSchema.optional() });

/** Why the model stopped. */
export const finishReasonSchema = z.enum(FINISH_REASONS);

/** Tokens spent, and what they cost. */
export const usageSchema = z.object({
  inputTokens: z.number().optional(),
  outputTokens: z.number().optional(),
  totalTokens: z.number().optional(),
  reasoningTokens: z.number().optional(),
  cachedInputTokens: z.number().optional(),
  costUsd: z.number().optional(),
});

/** An event as it stands in a page of a run's log. `data` is left open: readers ignore what they do not know. */
export const runEventSchema = z.object({
  id: z.string(),
  prev: z.string().optional(),
  runId: idSchema,
  type: z.string(),
  ts: timeSchema,
  data: jsonObjectSchema,
});
