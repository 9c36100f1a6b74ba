import { z } from "zod";
import { INHERITED_RUNS_MAX, THREAD_KEY_CHARACTERS_MAX, THREAD_TITLE_CHARACTERS_MAX } from "../limits.ts";
import { idSchema } from "./ids.ts";
import { jsonObjectSchema } from "./json.ts";
import { metadataSchema } from "./metadata.ts";
import { listQuerySchema } from "./page.ts";
import { subjectSchema } from "./subject.ts";
import { timeSchema } from "./time.ts";

const titleSchema = z.string().min(1).max(THREAD_TITLE_CHARACTERS_MAX);

/** The body of `PUT /api/threads/:id/title`. */
export const threadTitleBodySchema = z.strictObject({ title: titleSchema.nullable() });

/** The body of `POST /api/threads`. */
export const createThreadBodySchema = z.strictObject({
  key: z.string().min(1).max(THREAD_KEY_CHARACTERS_MAX).optional(),
  title: titleSchema.optional(),
  fromRunId: idSchema.optional(),
  metadata: metadataSchema.optional(),
  subject: subjectSchema.optional(),
});

/** The query of `GET /api/threads`. */
export const listThreadsQuerySchema = listQuerySchema.extend({ subject: subjectSchema.optional() });

/** The query of `GET /api/threads/:id`. */
export const findThreadQuerySchema = z.object({ subject: subjectSchema.optional() });

/** The query of `GET /api/threads/:id/messages`. */
export const listThreadMessagesQuerySchema = listQuerySchema.extend({
  subject: subjectSchema.optional(),
  inheritedRuns: z.coerce.number().int().min(1).max(INHERITED_RUNS_MAX).optional(),
});

/** A conversation. */
export const threadSchema = z.object({
  id: idSchema,
  key: z.string().nullable(),
  subject: z.string().nullable(),
  title: z.string().nullable(),
  branchedFrom: z.object({ threadId: idSchema, runId: idSchema }).nullable(),
  metadata: jsonObjectSchema,
  createdAt: timeSchema,
});

/** One message of a conversation. */
export const threadMessageSchema = z.object({ runId: idSchema, message: jsonObjectSchema, partial: z.boolean() });
