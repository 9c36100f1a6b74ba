import { z } from "zod";
import { agentName, callId, deviceKey, id } from "./ids.ts";
import { jsonObject, jsonValue } from "./json.ts";
import { inputMessage, userMessage } from "./message.ts";
import { parsePosition } from "./position.ts";
import { runStatus, toolCallStatus } from "./run.ts";

/**
 * Bodies, queries and answers of the HTTP API. The gateway validates with these, and OpenAPI is generated from them.
 */

const time = z.iso.datetime();

/** `7-2`, as in `Last-Event-ID`. */
export const positionText = z.string().refine((text) => parsePosition(text) !== null, "must be '<seq>-<sub>'");

export const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(500).optional(),
});

/** A page of a list. */
export function page<T extends z.ZodType>(item: T) {
  return z.object({ data: z.array(item), nextCursor: z.string().nullable() });
}

/** A page of a list, as a type. */
export interface Page<T> {
  readonly data: T[];
  readonly nextCursor: string | null;
}

export const failure = z.object({ code: z.string(), message: z.string() });
export const usage = z.object({
  inputTokens: z.number().optional(),
  outputTokens: z.number().optional(),
  totalTokens: z.number().optional(),
  reasoningTokens: z.number().optional(),
  cachedInputTokens: z.number().optional(),
});

// Agents

export const idOrName = z.union([id, agentName]);

/**
 * `config` is checked in a second pass, so that a fault in it answers `invalid_agent_config` and not `invalid_request`.
 */
export const pushAgentBody = z.strictObject({
  name: agentName,
  config: jsonObject,
  version: z.string().min(1).max(100).optional(),
  description: z.string().max(10_000).optional(),
  promote: z.boolean().default(true),
});
export const pushedAgent = z.object({
  agentId: id,
  versionId: id,
  version: z.string(),
  configHash: z.string(),
  created: z.boolean(),
});
export const agentVersion = z.object({
  id,
  agentId: id,
  version: z.string(),
  configHash: z.string(),
  config: jsonObject,
  description: z.string().nullable(),
  createdAt: time,
});
export const agent = z.object({
  id,
  name: agentName,
  description: z.string().nullable(),
  currentVersion: agentVersion.nullable(),
  createdAt: time,
  updatedAt: time,
});
export const promoteBody = z.strictObject({ versionId: id });

// Runs

export const startRunBody = z.strictObject({
  agent: idOrName,
  versionId: id.optional(),
  input: z.union([z.string().max(1_000_000), z.array(inputMessage).min(1).max(1000)]),
  threadId: z.string().min(1).max(200).optional(),
  deviceKey: deviceKey.optional(),
  metadata: jsonObject.optional(),
});
export const startedRun = z.object({ runId: id, status: runStatus, streamUrl: z.string() });
export const run = z.object({
  id,
  status: runStatus,
  agentId: id,
  agentName,
  versionId: id,
  threadId: id.nullable(),
  parentRunId: id.nullable(),
  deviceKey: z.string().nullable(),
  metadata: jsonObject,
  output: z.string().nullable(),
  error: failure.nullable(),
  usage,
  steps: z.int(),
  /** The position of the last fact. */
  position: z.string(),
  createdAt: time,
  startedAt: time.nullable(),
  completedAt: time.nullable(),
});
export const listRunsQuery = listQuery.extend({
  status: runStatus.optional(),
  agent: idOrName.optional(),
  threadId: z.string().min(1).max(200).optional(),
});
export const eventsQuery = listQuery.omit({ cursor: true }).extend({
  after: positionText.optional(),
  cursor: positionText.optional(),
  facts: z
    .enum(["true", "false"])
    .default("false")
    .transform((text) => text === "true"),
});
export const runEvent = z.object({
  id: z.string(),
  prev: z.string().optional(),
  runId: id,
  type: z.string(),
  ts: time,
  data: jsonObject,
});
export const toolCall = z.object({
  id,
  runId: id,
  step: z.int(),
  toolName: z.string(),
  args: jsonValue,
  target: z.enum(["server", "device", "browser", "external"]),
  status: toolCallStatus,
  attempts: z.int(),
  deviceId: id.nullable(),
  deviceKey: z.string().nullable(),
  result: jsonValue.nullable(),
  error: failure.nullable(),
  source: z.string().nullable(),
  requestedAt: time,
  dispatchedAt: time.nullable(),
  /** When it was first sent to a device. */
  sentAt: time.nullable(),
  acceptedAt: time.nullable(),
  deadline: time.nullable(),
  settledAt: time.nullable(),
});
export const listToolCallsQuery = listQuery.extend({
  toolName: z.string().max(64).optional(),
  deviceId: id.optional(),
  status: toolCallStatus.optional(),
});
export const toolError = z.strictObject({ message: z.string().max(100_000), code: z.string().max(100).optional() });
export const toolResultBody = z
  .strictObject({ callId, result: jsonValue.optional(), error: toolError.optional() })
  .refine((body) => (body.result === undefined) !== (body.error === undefined), {
    error: "exactly one of 'result' and 'error' must be given (a tool without a result answers null)",
  });
export const toolResultAnswer = z.object({ callId, duplicate: z.boolean() });
export const postMessageBody = z.strictObject({ message: z.union([userMessage, z.string().min(1).max(1_000_000)]) });
export const approvalBody = z.strictObject({
  callId,
  approved: z.boolean(),
  reason: z.string().max(10_000).optional(),
});
export const cancelBody = z.strictObject({ reason: z.string().max(10_000).optional() });
export const accepted = z.object({ runId: id, status: runStatus });

// Threads

/** `key`: the client's own name for the conversation, unique in the tenant; the same key finds the same thread. */
export const createThreadBody = z.strictObject({
  key: z.string().min(1).max(200).optional(),
  metadata: jsonObject.optional(),
});
export const thread = z.object({ id, key: z.string().nullable(), metadata: jsonObject, createdAt: time });
export const threadMessage = z.object({
  runId: id,
  message: jsonObject,
  /** Whether the message was cut short by a cancel. */
  partial: z.boolean(),
});

// Devices

export const deviceTool = z.strictObject({
  name: z.string().min(1).max(64),
  description: z.string().max(10_000).default(""),
  inputSchema: jsonObject,
});
export const deviceSession = z.object({
  id,
  gatewayId: z.string(),
  bootId: z.string(),
  connectedAt: time,
  disconnectedAt: time.nullable(),
  reason: z.string().nullable(),
});
export const device = z.object({
  id,
  key: z.string(),
  displayName: z.string().nullable(),
  platform: z.string().nullable(),
  labels: z.record(z.string(), z.string()),
  tools: z.array(deviceTool),
  online: z.boolean(),
  lastSeenAt: time.nullable(),
  createdAt: time,
});
export const deviceDetail = device.extend({ sessions: z.array(deviceSession) });

// Tokens

export const scope = z.enum(["agents:write", "runs:write", "runs:read", "devices:connect", "admin"]);
export const createTokenBody = z.strictObject({
  scopes: z.array(scope).min(1),
  runId: id.optional(),
  threadId: id.optional(),
  deviceKey: deviceKey.optional(),
  expiresInSeconds: z
    .int()
    .min(1)
    .max(24 * 3600)
    .default(900),
});
export const createdToken = z.object({ token: z.string(), expiresAt: time });

export type Scope = z.infer<typeof scope>;
export type Agent = z.infer<typeof agent>;
export type AgentVersion = z.infer<typeof agentVersion>;
export type PushAgentBody = z.input<typeof pushAgentBody>;
export type PushedAgent = z.infer<typeof pushedAgent>;
export type StartRunBody = z.infer<typeof startRunBody>;
export type StartedRun = z.infer<typeof startedRun>;
export type Run = z.infer<typeof run>;
export type ToolCall = z.infer<typeof toolCall>;
export type ToolResultBody = z.infer<typeof toolResultBody>;
export type ToolResultAnswer = z.infer<typeof toolResultAnswer>;
export type Thread = z.infer<typeof thread>;
export type ThreadMessage = z.infer<typeof threadMessage>;
export type DeviceTool = z.output<typeof deviceTool>;
export type Device = z.infer<typeof device>;
export type DeviceSession = z.infer<typeof deviceSession>;
export type DeviceDetail = z.infer<typeof deviceDetail>;
export type CreateTokenBody = z.input<typeof createTokenBody>;
export type CreatedToken = z.infer<typeof createdToken>;
