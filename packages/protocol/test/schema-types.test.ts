/**
 * The types of the main entry are written by hand, and so are the schemas. This file does not compile unless each
 * schema parses exactly its type. A field that differs on one side only is an error here: added, removed, renamed, made
 * optional or typed otherwise. So is a schema without a type.
 */
import { expect, test } from "vitest";
import type { z } from "zod";
import type * as protocol from "../src/index.ts";
import type * as schemas from "../src/schema/index.ts";

/**
 * Whether two types are identical, optional fields included. Assignability would not see an optional field that only
 * one of them has. `readonly` is left out of the comparison: schemas do not freeze what they parse.
 */
type Same<A, B> = Identical<Mutable<A>, Mutable<B>>;
type Identical<A, B> =
  (<T>(value: T) => T extends A ? 1 : 2) extends <T>(value: T) => T extends B ? 1 : 2 ? true : false;
type Mutable<T> =
  Identical<T, protocol.JsonValue> extends true
    ? T
    : Identical<T, protocol.JsonObject> extends true
      ? T
      : T extends object
        ? { -readonly [Field in keyof T]: Mutable<T[Field]> }
        : T;

/** What a schema takes and what it returns, where the two are one type on the wire. */
type Both<T> = { input: T; output: T };
/** A query travels as text and is coerced, so its schema shares only the names of the fields with its type. */
type Query<T> = { input: Record<keyof T, unknown>; output: Record<keyof T, unknown>; names: keyof T };

/** The type of each schema. */
interface Types {
  acceptedInputSchema: Both<protocol.AcceptedInput>;
  agentConfigSchema: { input: protocol.AgentConfigInput; output: protocol.AgentConfig };
  storedAgentConfigSchema: { input: protocol.AgentConfigInput; output: protocol.AgentConfig };
  agentNameSchema: Both<string>;
  agentSchema: Both<protocol.Agent>;
  agentVersionSchema: Both<protocol.AgentVersion>;
  apiKeySchema: Both<protocol.ApiKey>;
  apiKeyWithSecretSchema: Both<protocol.ApiKeyWithSecret>;
  approvalBodySchema: Both<protocol.ApprovalBody>;
  approvalDecisionSchema: Both<protocol.ApprovalDecision>;
  approvalRecipientSchema: Both<protocol.ApprovalRecipient>;
  approvalRulesSchema: Both<protocol.ApprovalRules>;
  auditActorSchema: Both<protocol.AuditActor>;
  auditEntrySchema: Both<protocol.AuditEntry>;
  authRefreshSchema: Both<protocol.AuthRefresh>;
  callApprovalSchema: Both<protocol.CallApproval>;
  callIdSchema: Both<string>;
  cancelBodySchema: Both<protocol.CancelBody>;
  createKeyBodySchema: Both<protocol.CreateKeyBody>;
  createTenantBodySchema: {
    input: protocol.CreateTenantBody;
    output: protocol.CreateTenantBody & { key: protocol.CreateKeyBody };
  };
  createThreadBodySchema: Both<protocol.CreateThreadBody>;
  createTokenBodySchema: {
    input: protocol.CreateTokenBody;
    output: protocol.CreateTokenBody & { versions: boolean; expiresInSeconds: number };
  };
  createdTokenSchema: Both<protocol.CreatedToken>;
  deviceDetailSchema: { input: Described<protocol.DeviceDetail>; output: protocol.DeviceDetail };
  deviceDrainSchema: Both<protocol.DeviceDrain>;
  deviceKeySchema: Both<string>;
  deviceMessageSchema: {
    input: Exclude<protocol.DeviceMessage, protocol.DeviceRegister> | Described<protocol.DeviceRegister>;
    output: protocol.DeviceMessage;
  };
  deviceRegisterSchema: { input: Described<protocol.DeviceRegister>; output: protocol.DeviceRegister };
  devicePairingSchema: Both<protocol.DevicePairing>;
  deviceSchema: { input: Described<protocol.Device>; output: protocol.Device };
  deviceSessionSchema: Both<protocol.DeviceSession>;
  deviceToolSchema: { input: DeviceToolInput; output: protocol.DeviceTool };
  digestSchema: Both<string>;
  earlierAssistantMessageSchema: Both<protocol.EarlierAssistantMessage>;
  failureSchema: Both<protocol.Failure>;
  filenameSchema: Both<string>;
  findThreadQuerySchema: Query<protocol.FindThreadQuery>;
  finishReasonSchema: Both<protocol.FinishReason>;
  forkOriginSchema: Both<protocol.ForkOrigin>;
  forkRunBodySchema: Both<protocol.ForkRunBody>;
  functionServerToolSchema: Both<protocol.FunctionServerTool>;
  grantedLimitsSchema: Both<protocol.GrantedLimits>;
  groupsSchema: Both<string[]>;
  httpServerToolSchema: { input: HttpServerToolInput; output: protocol.HttpServerTool };
  idOrNameSchema: Both<string>;
  idSchema: Both<string>;
  inputMessageSchema: Both<protocol.InputMessage>;
  jsonObjectSchema: Both<protocol.JsonObject>;
  jsonValueSchema: Both<protocol.JsonValue>;
  labelsSchema: Both<Record<string, string>>;
  listFilesQuerySchema: Query<protocol.ListFilesQuery>;
  listAuditQuerySchema: Query<protocol.ListAuditQuery>;
  listDevicesQuerySchema: Query<protocol.ListDevicesQuery>;
  listEventsQuerySchema: Query<protocol.ListEventsQuery>;
  listQuerySchema: Query<protocol.PageQuery>;
  listRunsQuerySchema: Query<protocol.ListRunsQuery>;
  listThreadMessagesQuerySchema: Query<protocol.ListThreadMessagesQuery>;
  listThreadsQuerySchema: Query<protocol.ListThreadsQuery>;
  listToolCallsQuerySchema: Query<protocol.ListToolCallsQuery>;
  modelNameSchema: Both<string>;
  modelSettingsSchema: { input: protocol.ModelSettingsInput; output: protocol.ModelSettings };
  pairDeviceBodySchema: Both<protocol.PairDeviceBody>;
  pairedDeviceSchema: Both<protocol.PairedDevice>;
  pingSchema: Both<protocol.Ping>;
  keyNameSchema: Both<string>;
  positionTextSchema: Both<string>;
  postMessageBodySchema: Both<protocol.PostMessageBody>;
  promoteBodySchema: Both<protocol.PromoteBody>;
  pushAgentBodySchema: {
    input: protocol.PushAgentBody;
    output: Omit<protocol.PushAgentBody, "config" | "promote"> & { config: protocol.JsonObject; promote: boolean };
  };
  pushedAgentSchema: Both<protocol.PushedAgent>;
  providerToolSchema: { input: protocol.ProviderToolInput; output: protocol.ProviderTool };
  quotasQuerySchema: Both<protocol.QuotasQuery>;
  /** An event in a page of the log: one shape for all types, those that are not known yet included. */
  revokeTokensBodySchema: Both<protocol.RevokeTokensBody>;
  rotateKeyBodySchema: {
    input: protocol.RotateKeyBody;
    output: { overlapSeconds: number };
  };
  runEventSchema: Both<{
    id: string;
    prev?: string;
    runId: string;
    type: string;
    ts: string;
    data: protocol.JsonObject;
  }>;
  runLimitsSchema: Both<protocol.RunLimits>;
  runScopeSchema: Both<protocol.RunScope>;
  runSchema: Both<protocol.Run>;
  runStatusSchema: Both<protocol.RunStatus>;
  putSecretBodySchema: Both<protocol.PutSecretBody>;
  sessionSchema: Both<protocol.Session>;
  sessionStateSchema: Both<protocol.SessionState>;
  scopeSchema: Both<protocol.Scope>;
  secretNameSchema: Both<string>;
  secretRefSchema: Both<protocol.SecretRef>;
  secretSchema: Both<protocol.Secret>;
  storedFileSchema: Both<protocol.StoredFile>;
  uploadFileQuerySchema: Query<protocol.UploadFileQuery>;
  serverToolSchema: { input: protocol.ServerToolInput; output: protocol.ServerTool };
  setQuotasBodySchema: Both<protocol.SetQuotasBody>;
  agentServerToolSchema: Both<protocol.AgentServerTool>;
  sleepServerToolSchema: Both<protocol.SleepServerTool>;
  startLimitsSchema: Both<protocol.StartLimits>;
  startRunBodySchema: Both<protocol.StartRunBody>;
  startedRunSchema: Both<protocol.StartedRun>;
  tenantNameSchema: Both<string>;
  tenantQuotasSchema: Both<protocol.TenantQuotas>;
  tenantSchema: Both<protocol.Tenant>;
  fleetSchema: Both<protocol.Fleet>;
  gatewayReportSchema: Both<protocol.GatewayReport>;
  tenantWithKeySchema: Both<protocol.TenantWithKey>;
  threadMessageSchema: Both<protocol.ThreadMessage>;
  subjectSchema: Both<string>;
  threadSchema: Both<protocol.Thread>;
  threadTitleBodySchema: Both<protocol.ThreadTitleBody>;
  toolAcceptedSchema: Both<protocol.ToolAccepted>;
  toolCallSchema: Both<protocol.ToolCall>;
  toolCallStatusSchema: Both<protocol.ToolCallStatus>;
  toolConfigSchema: { input: protocol.ToolConfigInput; output: protocol.ToolConfig };
  toolErrorSchema: Both<protocol.ToolError>;
  toolNameSchema: Both<string>;
  toolProgressSchema: Both<protocol.ToolProgress>;
  toolResultAnswerSchema: Both<protocol.ToolResultAnswer>;
  toolResultBodySchema: Both<protocol.ToolResultBody>;
  toolResultSchema: Both<protocol.ToolResult>;
  toolTargetSchema: Both<protocol.ToolTarget>;
  usageSchema: Both<protocol.Usage>;
  userMessageSchema: Both<protocol.UserMessage>;
  watchMessageSchema: Both<protocol.WatchMessage>;
  writtenObjectSchema: { input: object; output: protocol.JsonObject };
}

/** A device may leave the description of a tool out. */
type DeviceToolInput = Omit<protocol.DeviceTool, "description"> & { description?: string };
type Described<T extends { tools: protocol.DeviceTool[] }> = Flat<Omit<T, "tools"> & { tools: DeviceToolInput[] }>;
type HttpServerToolInput = Extract<protocol.ServerToolInput, { type: "http" }>;
type Flat<T> = { [Field in keyof T]: T[Field] };

/** For each schema: nothing if it is its type, else what is wrong. */
type FaultOf<Schema, Name> = Name extends keyof Types
  ? Schema extends z.ZodType
    ? Types[Name] extends { names: infer Names }
      ? [Identical<keyof z.input<Schema>, Names>, Identical<keyof z.output<Schema>, Names>] extends [true, true]
        ? never
        : "the query has other fields than its type"
      : Same<z.input<Schema>, Types[Name]["input"]> extends true
        ? Same<z.output<Schema>, Types[Name]["output"]> extends true
          ? never
          : "the schema returns another type"
        : "the schema takes another type"
    : "this is not a schema"
  : "the schema has no type";

/** `pageSchema` is no schema but makes one. */
type SchemaName = Exclude<keyof typeof schemas, "pageSchema">;
type PageOfRuns = ReturnType<typeof schemas.pageSchema<typeof schemas.runSchema>>;

type Faults = {
  [Name in SchemaName as FaultOf<(typeof schemas)[Name], Name> extends never ? never : Name]: FaultOf<
    (typeof schemas)[Name],
    Name
  >;
};

test("each schema takes and returns exactly its hand-written type", () => {
  // The compiler checks it: with a fault, `{}` lacks a field that bears the schema's name.
  const faults: Faults = {};
  expect(faults).toEqual({});
  const pageIsSame: Same<z.output<PageOfRuns>, protocol.Page<protocol.Run>> = true;
  expect(pageIsSame).toBe(true);
});

test("the comparison of types sees a drift in each direction", () => {
  const sees: {
    aFieldOnlyInTheType: Same<{ a: string; b: number }, { a: string }>;
    aFieldOnlyInTheSchema: Same<{ a: string }, { a: string; b: number }>;
    anOptionalFieldOnlyInTheType: Same<{ a: string; b?: number }, { a: string }>;
    anOptionalFieldOnlyInTheSchema: Same<{ a: string }, { a: string; b?: number }>;
    aFieldThatIsOptionalOnOneSide: Same<{ a: string }, { a?: string }>;
    aWiderType: Same<{ a: string }, { a: "x" }>;
    aMemberOfAUnion: Same<{ k: "x" } | { k: "y" }, { k: "x" }>;
    aFieldWithinAList: Same<{ a: { b?: string }[] }, { a: { b: string }[] }>;
    anythingInsteadOfJson: Same<{ a: unknown }, { a: protocol.JsonValue }>;
  } = {
    aFieldOnlyInTheType: false,
    aFieldOnlyInTheSchema: false,
    anOptionalFieldOnlyInTheType: false,
    anOptionalFieldOnlyInTheSchema: false,
    aFieldThatIsOptionalOnOneSide: false,
    aWiderType: false,
    aMemberOfAUnion: false,
    aFieldWithinAList: false,
    anythingInsteadOfJson: false,
  };
  expect(Object.values(sees)).not.toContain(true);
});
