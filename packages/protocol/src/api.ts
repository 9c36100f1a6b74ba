import { z } from "zod";
import { agentNameSchema, callIdSchema, deviceKeySchema, idSchema } from "./ids.ts";
import { jsonObjectSchema, jsonValueSchema } from "./json.ts";
import { inputMessageSchema, userMessageSchema } from "./message.ts";
import { parsePosition } from "./position.ts";
import { runStatusSchema, toolCallStatusSchema } from "./run.ts";

/**
 * Bodies, queries and answers of the HTTP API. The gateway validates with these, and OpenAPI is generated from them.
 */

const timeSchema = z.iso.datetime();

/** `7-2`, as in `Last-Event-ID`. */
export const positionTextSchema = z.string().refine((text) => parsePosition(text) !== null, "must be '<seq>-<sub>'");

export const listQuerySchema = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(500).optional(),
});

/** A page of a list. */
export function pageSchema<T extends z.ZodType>(item: T) {
  return z.object({ data: z.array(item), nextCursor: z.string().nullable() });
}

/** A page of a list, as a type. */
export interface Page<T> {
  readonly data: T[];
  readonly nextCursor: string | null;
}

export const failureSchema = z.object({ code: z.string(), message: z.string() });
export const usageSchema = z.object({
  inputTokens: z.number().optional(),
  outputTokens: z.number().optional(),
  totalTokens: z.number().optional(),
  reasoningTokens: z.number().optional(),
  cachedInputTokens: z.number().optional(),
});

// Agents

export const idOrNameSchema = z.union([idSchema, agentNameSchema]);

/**
 * `config` is checked in a second pass, so that a fault in it answers `invalid_agent_config` and not `invalid_request`.
 */
export const pushAgentBodySchema = z.strictObject({
  name: agentNameSchema,
  config: jsonObjectSchema,
  version: z.string().min(1).max(100).optional(),
  description: z.string().max(10_000).optional(),
  promote: z.boolean().default(true),
});
export const pushedAgentSchema = z.object({
  agentId: idSchema,
  versionId: idSchema,
  version: z.string(),
  configHash: z.string(),
  created: z.boolean(),
});
export const agentVersionSchema = z.object({
  id: idSchema,
  agentId: idSchema,
  version: z.string(),
  configHash: z.string(),
  config: jsonObjectSchema,
  description: z.string().nullable(),
  createdAt: timeSchema,
});
export const agentSchema = z.object({
  id: idSchema,
  name: agentNameSchema,
  description: z.string().nullable(),
  currentVersion: agentVersionSchema.nullable(),
  createdAt: timeSchema,
  updatedAt: timeSchema,
});
export const promoteBodySchema = z.strictObject({ versionId: idSchema });

// Runs

export const startRunBodySchema = z.strictObject({
  agent: idOrNameSchema,
  versionId: idSchema.optional(),
  input: z.union([z.string().max(1_000_000), z.array(inputMessageSchema).min(1).max(1000)]),
  threadId: z.string().min(1).max(200).optional(),
  deviceKey: deviceKeySchema.optional(),
  metadata: jsonObjectSchema.optional(),
});
export const startedRunSchema = z.object({ runId: idSchema, status: runStatusSchema, streamUrl: z.string() });
export const runSchema = z.object({
  id: idSchema,
  status: runStatusSchema,
  agentId: idSchema,
  agentName: agentNameSchema,
  versionId: idSchema,
  threadId: idSchema.nullable(),
  parentRunId: idSchema.nullable(),
  deviceKey: z.string().nullable(),
  metadata: jsonObjectSchema,
  output: z.string().nullable(),
  error: failureSchema.nullable(),
  usage: usageSchema,
  steps: z.int(),
  /** The position of the last fact. */
  position: z.string(),
  createdAt: timeSchema,
  startedAt: timeSchema.nullable(),
  completedAt: timeSchema.nullable(),
});
export const listRunsQuerySchema = listQuerySchema.extend({
  status: runStatusSchema.optional(),
  agent: idOrNameSchema.optional(),
  threadId: z.string().min(1).max(200).optional(),
});
export const eventsQuerySchema = listQuerySchema.omit({ cursor: true }).extend({
  after: positionTextSchema.optional(),
  cursor: positionTextSchema.optional(),
  facts: z
    .enum(["true", "false"])
    .default("false")
    .transform((text) => text === "true"),
});
export const runEventSchema = z.object({
  id: z.string(),
  prev: z.string().optional(),
  runId: idSchema,
  type: z.string(),
  ts: timeSchema,
  data: jsonObjectSchema,
});
export const toolCallSchema = z.object({
  id: idSchema,
  runId: idSchema,
  step: z.int(),
  toolName: z.string(),
  args: jsonValueSchema,
  target: z.enum(["server", "device", "browser", "external"]),
  status: toolCallStatusSchema,
  attempts: z.int(),
  deviceId: idSchema.nullable(),
  deviceKey: z.string().nullable(),
  result: jsonValueSchema.nullable(),
  error: failureSchema.nullable(),
  source: z.string().nullable(),
  requestedAt: timeSchema,
  dispatchedAt: timeSchema.nullable(),
  /** When it was first sent to a device. */
  sentAt: timeSchema.nullable(),
  acceptedAt: timeSchema.nullable(),
  deadline: timeSchema.nullable(),
  settledAt: timeSchema.nullable(),
});
export const listToolCallsQuerySchema = listQuerySchema.extend({
  toolName: z.string().max(64).optional(),
  deviceId: idSchema.optional(),
  status: toolCallStatusSchema.optional(),
});
export const toolErrorSchema = z.strictObject({
  message: z.string().max(100_000),
  code: z.string().max(100).optional(),
});
export const toolResultBodySchema = z
  .strictObject({ callId: callIdSchema, result: jsonValueSchema.optional(), error: toolErrorSchema.optional() })
  .refine((body) => (body.result === undefined) !== (body.error === undefined), {
    error: "exactly one of 'result' and 'error' must be given (a tool without a result answers null)",
  });
export const toolResultAnswerSchema = z.object({ callId: callIdSchema, duplicate: z.boolean() });
export const postMessageBodySchema = z.strictObject({
  message: z.union([userMessageSchema, z.string().min(1).max(1_000_000)]),
});
export const approvalBodySchema = z.strictObject({
  callId: callIdSchema,
  approved: z.boolean(),
  reason: z.string().max(10_000).optional(),
});
export const cancelBodySchema = z.strictObject({ reason: z.string().max(10_000).optional() });
export const acceptedSchema = z.object({ runId: idSchema, status: runStatusSchema });

// Threads

/** `key`: the client's own name for the conversation, unique in the tenant; the same key finds the same thread. */
export const createThreadBodySchema = z.strictObject({
  key: z.string().min(1).max(200).optional(),
  metadata: jsonObjectSchema.optional(),
});
export const threadSchema = z.object({
  id: idSchema,
  key: z.string().nullable(),
  metadata: jsonObjectSchema,
  createdAt: timeSchema,
});
export const threadMessageSchema = z.object({
  runId: idSchema,
  message: jsonObjectSchema,
  /** Whether the message was cut short by a cancel. */
  partial: z.boolean(),
});

// Devices

export const deviceToolSchema = z.strictObject({
  name: z.string().min(1).max(64),
  description: z.string().max(10_000).default(""),
  inputSchema: jsonObjectSchema,
});
export const deviceSessionSchema = z.object({
  id: idSchema,
  gatewayId: z.string(),
  bootId: z.string(),
  connectedAt: timeSchema,
  disconnectedAt: timeSchema.nullable(),
  reason: z.string().nullable(),
});
export const deviceSchema = z.object({
  id: idSchema,
  key: z.string(),
  displayName: z.string().nullable(),
  platform: z.string().nullable(),
  labels: z.record(z.string(), z.string()),
  tools: z.array(deviceToolSchema),
  online: z.boolean(),
  lastSeenAt: timeSchema.nullable(),
  createdAt: timeSchema,
});
export const deviceDetailSchema = deviceSchema.extend({ sessions: z.array(deviceSessionSchema) });

// Tokens

export const scopeSchema = z.enum(["agents:write", "runs:write", "runs:read", "devices:connect", "admin"]);
export const createTokenBodySchema = z.strictObject({
  scopes: z.array(scopeSchema).min(1),
  runId: idSchema.optional(),
  threadId: idSchema.optional(),
  deviceKey: deviceKeySchema.optional(),
  expiresInSeconds: z
    .int()
    .min(1)
    .max(24 * 3600)
    .default(900),
});
export const createdTokenSchema = z.object({ token: z.string(), expiresAt: timeSchema });

export type Scope = z.infer<typeof scopeSchema>;
export type Agent = z.infer<typeof agentSchema>;
export type AgentVersion = z.infer<typeof agentVersionSchema>;
export type PushAgentBody = z.input<typeof pushAgentBodySchema>;
export type PushedAgent = z.infer<typeof pushedAgentSchema>;
export type StartRunBody = z.infer<typeof startRunBodySchema>;
export type StartedRun = z.infer<typeof startedRunSchema>;
export type Run = z.infer<typeof runSchema>;
export type ToolCall = z.infer<typeof toolCallSchema>;
export type ToolResultBody = z.infer<typeof toolResultBodySchema>;
export type ToolResultAnswer = z.infer<typeof toolResultAnswerSchema>;
export type Thread = z.infer<typeof threadSchema>;
export type ThreadMessage = z.infer<typeof threadMessageSchema>;
export type DeviceTool = z.output<typeof deviceToolSchema>;
export type Device = z.infer<typeof deviceSchema>;
export type DeviceSession = z.infer<typeof deviceSessionSchema>;
export type DeviceDetail = z.infer<typeof deviceDetailSchema>;
export type CreateTokenBody = z.input<typeof createTokenBodySchema>;
export type CreatedToken = z.infer<typeof createdTokenSchema>;
