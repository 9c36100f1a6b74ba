import { z } from "zod";
import { TOOL_TARGETS } from "../agent-config.ts";
import { RESULT_SOURCES } from "../event.ts";
import {
  REASON_CHARACTERS_MAX,
  TOOL_ERROR_CODE_CHARACTERS_MAX,
  TOOL_ERROR_MESSAGE_CHARACTERS_MAX,
  TOOL_NAME_CHARACTERS_MAX,
} from "../limits.ts";
import { TOOL_CALL_STATUSES } from "../tool-call.ts";
import { callApprovalSchema, digestSchema } from "./approval.ts";
import { failureSchema } from "./event.ts";
import { callIdSchema, idSchema } from "./ids.ts";
import { jsonValueSchema } from "./json.ts";
import { listQuerySchema } from "./page.ts";
import { subjectSchema } from "./subject.ts";
import { timeSchema } from "./time.ts";

/** Where a tool call executes. */
export const toolTargetSchema = z.enum(TOOL_TARGETS);

/** A state of a tool call. */
export const toolCallStatusSchema = z.enum(TOOL_CALL_STATUSES);

/** A tool call. */
export const toolCallSchema = z.object({
  id: idSchema,
  runId: idSchema,
  agentName: z.string(),
  step: z.int(),
  toolName: z.string(),
  args: jsonValueSchema,
  target: toolTargetSchema,
  status: toolCallStatusSchema,
  attempts: z.int(),
  deviceId: idSchema.nullable(),
  deviceKey: z.string().nullable(),
  result: jsonValueSchema.nullable(),
  error: failureSchema.nullable(),
  source: z.enum(RESULT_SOURCES).nullable(),
  approval: callApprovalSchema.nullable(),
  requestedAt: timeSchema,
  dispatchedAt: timeSchema.nullable(),
  sentAt: timeSchema.nullable(),
  acceptedAt: timeSchema.nullable(),
  deadline: timeSchema.nullable(),
  settledAt: timeSchema.nullable(),
});

/** The query of `GET /api/tool-calls`. */
export const listToolCallsQuerySchema = listQuerySchema.extend({
  toolName: z.string().max(TOOL_NAME_CHARACTERS_MAX).optional(),
  deviceId: idSchema.optional(),
  status: toolCallStatusSchema.optional(),
  subject: subjectSchema.optional(),
});

/** Why a tool failed, as its executor says. */
export const toolErrorSchema = z.strictObject({
  message: z.string().max(TOOL_ERROR_MESSAGE_CHARACTERS_MAX),
  code: z.string().max(TOOL_ERROR_CODE_CHARACTERS_MAX).optional(),
});

/** The outcome of a tool, over HTTP and in a device's message alike. */
const outcomeShape = { result: jsonValueSchema.optional(), error: toolErrorSchema.optional() };

/** Whether exactly one of `result` and `error` is there. */
function hasOneOutcome(outcome: { readonly result?: unknown; readonly error?: unknown }): boolean {
  return (outcome.result === undefined) !== (outcome.error === undefined);
}

const oneOutcome = {
  error: "exactly one of 'result' and 'error' must be given (a tool without a result answers null)",
};

/** The body of `POST /api/runs/:id/tool-results`. */
export const toolResultBodySchema = z
  .strictObject({ callId: callIdSchema, ...outcomeShape })
  .refine(hasOneOutcome, oneOutcome);

/** A device's message with the outcome of a call. */
export const toolResultSchema = z
  .strictObject({ type: z.literal("tool.result"), callId: callIdSchema, ...outcomeShape })
  .refine(hasOneOutcome, oneOutcome);

/** The response to a tool result. */
export const toolResultAnswerSchema = z.object({ callId: callIdSchema, duplicate: z.boolean() });

/** The body of `POST /api/runs/:id/approvals`. */
export const approvalBodySchema = z.strictObject({
  callId: callIdSchema,
  approved: z.boolean(),
  digest: digestSchema.optional(),
  reason: z.string().max(REASON_CHARACTERS_MAX).optional(),
});
