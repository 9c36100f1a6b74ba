/** The zod schemas of everything on the wire. The gateway checks what comes in with them. */
export {
  modelNameSchema,
  labelsSchema,
  httpServerToolSchema,
  functionServerToolSchema,
  serverToolSchema,
  toolTargetSchema,
  toolConfigSchema,
  modelSettingsSchema,
  agentConfigSchema,
} from "../agent-config.ts";
export {
  positionTextSchema,
  listQuerySchema,
  pageSchema,
  failureSchema,
  usageSchema,
  idOrNameSchema,
  pushAgentBodySchema,
  pushedAgentSchema,
  agentVersionSchema,
  agentSchema,
  promoteBodySchema,
  startRunBodySchema,
  startedRunSchema,
  runSchema,
  listRunsQuerySchema,
  eventsQuerySchema,
  runEventSchema,
  toolCallSchema,
  listToolCallsQuerySchema,
  toolErrorSchema,
  toolResultBodySchema,
  toolResultAnswerSchema,
  postMessageBodySchema,
  approvalBodySchema,
  cancelBodySchema,
  acceptedSchema,
  createThreadBodySchema,
  threadSchema,
  threadMessageSchema,
  deviceToolSchema,
  deviceSessionSchema,
  deviceSchema,
  deviceDetailSchema,
  scopeSchema,
  createTokenBodySchema,
  createdTokenSchema,
} from "../api.ts";
export {
  deviceRegisterSchema,
  toolAcceptedSchema,
  toolProgressSchema,
  toolResultSchema,
  authRefreshSchema,
  pingSchema,
  deviceMessageSchema,
} from "../device.ts";
export { idSchema, callIdSchema, agentNameSchema, toolNameSchema, deviceKeySchema } from "../ids.ts";
export { jsonValueSchema, jsonObjectSchema } from "../json.ts";
export { userMessageSchema, earlierAssistantMessageSchema, inputMessageSchema } from "../message.ts";
export { runStatusSchema, toolCallStatusSchema } from "../run.ts";
export { watchMessageSchema } from "../watch.ts";
