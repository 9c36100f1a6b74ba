import { z } from "zod";
import {
  EVENTS_PAGE_ITEMS_MAX,
  INPUT_MESSAGES_MAX,
  INPUT_TEXT_CHARACTERS_MAX,
  PAGE_ITEMS_DEFAULT,
  REASON_CHARACTERS_MAX,
  SEARCHED_TEXT_CHARACTERS_MAX,
  THREAD_KEY_CHARACTERS_MAX,
} from "../limits.ts";
import { grantedLimitsSchema, runScopeSchema, startLimitsSchema } from "./agent-config.ts";
import { RUN_STATUSES } from "../run.ts";
import { START_POLICIES } from "../start-policy.ts";
import { forkOriginSchema } from "./fork.ts";
import { failureSchema, finishReasonSchema, usageSchema } from "./event.ts";
import { agentNameSchema, deviceKeySchema, idOrNameSchema, idSchema } from "./ids.ts";
import { jsonObjectSchema } from "./json.ts";
import { inputMessageSchema, userMessageSchema } from "./message.ts";
import { metadataSchema } from "./metadata.ts";
import { listQuerySchema } from "./page.ts";
import { positionTextSchema } from "./position.ts";
import { subjectSchema } from "./subject.ts";
import { timeSchema } from "./time.ts";

/** A state of a run. */
export const runStatusSchema = z.enum(RUN_STATUSES);

/** A run. */
export const runSchema = z.object({
  id: idSchema,
  status: runStatusSchema,
  agentId: idSchema,
  agentName: agentNameSchema,
  versionId: idSchema,
  threadId: idSchema.nullable(),
  subject: z.string().nullable(),
  mergedInto: idSchema.nullable(),
  forkedFrom: forkOriginSchema.nullable(),
  parentRunId: idSchema.nullable(),
  parentCallId: idSchema.nullable(),
  rootRunId: idSchema.nullable(),
  depth: z.int(),
  deviceKey: z.string().nullable(),
  startedBy: z.string().nullable(),
  metadata: jsonObjectSchema,
  output: z.union([z.string(), jsonObjectSchema]).nullable(),
  finishReason: finishReasonSchema.nullable(),
  error: failureSchema.nullable(),
  usage: usageSchema,
  childrenUsage: usageSchema,
  limits: grantedLimitsSchema.nullable(),
  heldBy: z.string().nullable(),
  steps: z.int(),
  position: z.string(),
  createdAt: timeSchema,
  startedAt: timeSchema.nullable(),
  completedAt: timeSchema.nullable(),
});

/** The body of `POST /api/runs`. */
export const startRunBodySchema = z.strictObject({
  agent: idOrNameSchema,
  versionId: idSchema.optional(),
  input: z.union([
    z.string().max(INPUT_TEXT_CHARACTERS_MAX),
    z.array(inputMessageSchema).min(1).max(INPUT_MESSAGES_MAX),
  ]),
  threadId: z.string().min(1).max(THREAD_KEY_CHARACTERS_MAX).optional(),
  policy: z.enum(START_POLICIES).optional(),
  deviceKey: deviceKeySchema.optional(),
  limits: startLimitsSchema.optional(),
  ...runScopeSchema.shape,
  metadata: metadataSchema.optional(),
  subject: subjectSchema.optional(),
});

/** The response to a started run. */
export const startedRunSchema = z.object({ runId: idSchema, status: runStatusSchema, streamUrl: z.string() });

/** The query of `GET /api/runs`. */
export const listRunsQuerySchema = listQuerySchema.extend({
  status: runStatusSchema.optional(),
  agent: idOrNameSchema.optional(),
  versionId: idSchema.optional(),
  threadId: z.string().min(1).max(THREAD_KEY_CHARACTERS_MAX).optional(),
  device: deviceKeySchema.optional(),
  since: timeSchema.optional(),
  until: timeSchema.optional(),
  metadata: z.string().min(1).max(SEARCHED_TEXT_CHARACTERS_MAX).optional(),
  subject: subjectSchema.optional(),
  parent: idSchema.optional(),
  forkedFrom: idSchema.optional(),
});

/** The query of `GET /api/runs/:id/events`. */
export const listEventsQuerySchema = listQuerySchema.omit({ cursor: true }).extend({
  limit: z.coerce.number().int().min(1).max(EVENTS_PAGE_ITEMS_MAX).default(PAGE_ITEMS_DEFAULT),
  order: z.enum(["asc", "desc"]).default("asc"),
  after: positionTextSchema.optional(),
  before: positionTextSchema.optional(),
  cursor: positionTextSchema.optional(),
  facts: z
    .enum(["true", "false"])
    .default("false")
    .transform((text) => text === "true"),
});

/** The body of `POST /api/runs/:id/messages`. */
export const postMessageBodySchema = z.strictObject({
  message: z.union([userMessageSchema, z.string().min(1).max(INPUT_TEXT_CHARACTERS_MAX)]),
});

/** The body of `POST /api/runs/:id/cancel`. */
export const cancelBodySchema = z.strictObject({ reason: z.string().max(REASON_CHARACTERS_MAX).optional() });

/** The response to a message, an approval or a cancel. */
export const acceptedInputSchema = z.object({ runId: idSchema, status: runStatusSchema });
