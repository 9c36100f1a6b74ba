import { z } from "zod";
import { HISTORY_OVERFLOWS, HTTP_TOOL_METHODS, isHeld, MODEL_PROVIDERS, type ToolConfig } from "../agent-config.ts";
import { START_POLICIES } from "../start-policy.ts";
import { CHILD_INPUT_SCHEMA } from "../child.ts";
import {
  DESCRIPTION_CHARACTERS_MAX,
  FUNCTION_NAME_CHARACTERS_MAX,
  HELD_TIMEOUT_MS_MAX,
  HISTORY_RUNS_MAX,
  HISTORY_TOKENS_MAX,
  MODEL_ATTEMPTS_DEFAULT,
  MODEL_ATTEMPTS_MAX,
  MODEL_IDLE_TIMEOUT_MS_DEFAULT,
  MODEL_LOADING_TIMEOUT_MS_DEFAULT,
  MODEL_NAME_CHARACTERS_MAX,
  RUN_COST_USD_MAX,
  RUN_DEPTH_MAX,
  RUN_TOKENS_MAX,
  RUN_TOOL_CALLS_MAX,
  RUN_WALL_TIME_MS_MAX,
  STEPS_DEFAULT,
  STEPS_MAX,
  STOP_SEQUENCES_MAX,
  INSTRUCTIONS_CHARACTERS_MAX,
  SYSTEM_CHARACTERS_MAX,
  TEMPERATURE_MAX,
  TIMEOUT_MS_MAX,
  TOOLS_PER_AGENT_MAX,
  TOOL_TIMEOUT_MS_DEFAULT,
  TOOL_FIXED_VALUES_MAX,
  TOOL_URL_CHARACTERS_MAX,
} from "../limits.ts";
import { PROVIDER_TOOL_IDS, type ProviderToolId, providerToolName } from "../provider-tool.ts";
import { SLEEP_DESCRIPTION, SLEEP_INPUT_SCHEMA } from "../sleep.ts";
import { agentServerToolSchema } from "./agent-server-tool.ts";
import { groupsSchema } from "./groups.ts";
import { labelsSchema } from "./device.ts";
import { agentNameSchema, deviceKeySchema, toolNameSchema } from "./ids.ts";
import { jsonObjectSchema, writtenObjectSchema } from "./json.ts";
import { secretRefSchema } from "./secret.ts";
import { toolTargetSchema } from "./tool-call.ts";

/** `<provider>/<model>`. The model's own name may hold further slashes. */
export const modelNameSchema = z
  .string()
  .max(MODEL_NAME_CHARACTERS_MAX)
  .regex(
    new RegExp(`^(${MODEL_PROVIDERS.join("|")})/\\S+$`),
    `must be '<provider>/<model>' with provider ${MODEL_PROVIDERS.slice(0, -1).join(", ")} or ${MODEL_PROVIDERS.at(-1)}`,
  );

const timeoutMsSchema = z.int().min(1).max(TIMEOUT_MS_MAX);

/** What is wrong with a timeout of something that a gateway itself waits for. */
const HELD_TOO_LONG = `must be at most ${HELD_TIMEOUT_MS_MAX} (30 minutes): a gateway waits meanwhile, and holds a place`;

/** What a tool fixes: a text, or a secret that is put in when the request is made. */
const fixedValueSchema = z.union([z.string(), secretRefSchema]);

const fixedValuesSchema = z
  .record(z.string(), fixedValueSchema)
  .refine((values) => Object.keys(values).length <= TOOL_FIXED_VALUES_MAX, {
    message: `must have at most ${TOOL_FIXED_VALUES_MAX} entries`,
  });

/** An HTTP request that the gateway makes for the tool. */
export const httpServerToolSchema = z.strictObject({
  type: z.literal("http"),
  url: z.string().max(TOOL_URL_CHARACTERS_MAX),
  method: z.enum(HTTP_TOOL_METHODS).default("POST"),
  headers: z.record(z.string(), fixedValueSchema).optional(),
  query: fixedValuesSchema.optional(),
  body: fixedValuesSchema.optional(),
});

/** A function that the program around the gateway has registered. */
export const functionServerToolSchema = z.strictObject({
  type: z.literal("function"),
  name: z.string().max(FUNCTION_NAME_CHARACTERS_MAX).optional(),
});

/** A sleep of the run. */
export const sleepServerToolSchema = z.strictObject({ type: z.literal("sleep") });

/** How the gateway itself executes a tool. */
export const serverToolSchema = z.discriminatedUnion("type", [
  httpServerToolSchema,
  functionServerToolSchema,
  sleepServerToolSchema,
  agentServerToolSchema,
]);

/** What means nothing for a sleep: no one executes it, and nothing of it fails. */
const NOT_OF_SLEEPS = ["approval", "destructive", "repeatable", "timeoutMs"] as const;

/** Who may approve the calls of a tool. */
export const approvalRulesSchema = z.strictObject({
  groups: groupsSchema.min(1).optional(),
  selfApproval: z.boolean().optional(),
});

/** One tool of an agent. Parsing it fills in the defaults. */
export const toolConfigSchema = z
  .strictObject({
    name: toolNameSchema,
    description: z.string().max(DESCRIPTION_CHARACTERS_MAX).optional(),
    inputSchema: writtenObjectSchema.optional(),
    target: toolTargetSchema.optional(),
    device: z
      .strictObject({
        key: deviceKeySchema.optional(),
        select: z.enum(["any", "origin"]).optional(),
        labels: labelsSchema.optional(),
      })
      .optional(),
    approval: z.union([z.enum(["never", "always"]), approvalRulesSchema]).optional(),
    destructive: z.boolean().optional(),
    repeatable: z.boolean().optional(),
    timeoutMs: timeoutMsSchema.optional(),
    onTimeout: z.enum(["tell-model", "fail-run"]).default("tell-model"),
    server: serverToolSchema.optional(),
  })
  .superRefine((tool, context) => {
    if (tool.server !== undefined && tool.target !== undefined && tool.target !== "server") {
      context.addIssue({
        code: "custom",
        path: ["target"],
        message: "must be 'server' (or be left out) when 'server' is given",
      });
    }
    if (tool.server?.type === "http" && tool.server.method === "GET" && tool.server.body !== undefined) {
      context.addIssue({ code: "custom", path: ["server", "body"], message: "is not sent with GET; use 'query'" });
    }
    if (tool.target === "server" && tool.server === undefined) {
      context.addIssue({ code: "custom", path: ["server"], message: "is required when target is 'server'" });
    }
    if (
      tool.device !== undefined &&
      (tool.server !== undefined || tool.target === "external" || tool.target === "server")
    ) {
      context.addIssue({
        code: "custom",
        path: ["device"],
        message: "only means something with target 'device' or 'browser'",
      });
    }
    if (tool.device?.key !== undefined && tool.device.select !== undefined) {
      context.addIssue({ code: "custom", path: ["device", "select"], message: "cannot be given together with 'key'" });
    }
    if (tool.server?.type === "agent" && tool.repeatable !== undefined)
      context.addIssue({ code: "custom", path: ["repeatable"], message: "means nothing for a tool of type 'agent'" });
    if (tool.server?.type !== "sleep") {
      if (tool.inputSchema === undefined && tool.server?.type !== "agent")
        context.addIssue({ code: "custom", path: ["inputSchema"], message: "is required: the arguments of the tool" });
      return;
    }
    for (const name of NOT_OF_SLEEPS) {
      if (tool[name] !== undefined)
        context.addIssue({ code: "custom", path: [name], message: "means nothing for a tool of type 'sleep'" });
    }
    if (tool.onTimeout === "fail-run")
      context.addIssue({ code: "custom", path: ["onTimeout"], message: "means nothing for a tool of type 'sleep'" });
    if (tool.inputSchema !== undefined && JSON.stringify(tool.inputSchema) !== JSON.stringify(SLEEP_INPUT_SCHEMA))
      context.addIssue({ code: "custom", path: ["inputSchema"], message: "is hsafa's own for a sleep; leave it out" });
  })
  .transform(
    (tool): ToolConfig => ({
      ...tool,
      ...(tool.server?.type === "sleep" ? { description: tool.description ?? SLEEP_DESCRIPTION } : {}),
      inputSchema: tool.inputSchema ?? (tool.server?.type === "agent" ? CHILD_INPUT_SCHEMA : SLEEP_INPUT_SCHEMA),
    }),
  );

/** A tool that the model's provider executes itself. */
export const providerToolSchema = z.strictObject({
  id: z.enum(PROVIDER_TOOL_IDS, {
    error: `must be a tool that a provider executes itself: ${PROVIDER_TOOL_IDS.join(", ")}`,
  }),
  args: writtenObjectSchema.optional(),
});

/** The provider-neutral settings of a model call, by their AI SDK names. */
export const modelSettingsSchema = z.strictObject({
  temperature: z.number().min(0).max(TEMPERATURE_MAX).optional(),
  topP: z.number().min(0).max(1).optional(),
  topK: z.int().min(1).optional(),
  maxOutputTokens: z.int().min(1).optional(),
  presencePenalty: z.number().optional(),
  frequencyPenalty: z.number().optional(),
  stopSequences: z.array(z.string()).max(STOP_SEQUENCES_MAX).optional(),
  seed: z.int().optional(),
  toolChoice: z.enum(["auto", "none", "required"]).optional(),
  providerOptions: z.record(z.string(), writtenObjectSchema).optional(),
});

const maxStepsSchema = z.int().min(1).max(STEPS_MAX);

/** What one run may use. */
export const runLimitsSchema = z.strictObject({
  tokens: z.int().min(1).max(RUN_TOKENS_MAX).optional(),
  costUsd: z.number().gt(0).max(RUN_COST_USD_MAX).optional(),
  wallTimeMs: z.int().min(1).max(RUN_WALL_TIME_MS_MAX).optional(),
  toolCalls: z.int().min(0).max(RUN_TOOL_CALLS_MAX).optional(),
  maxDepth: z.int().min(0).max(RUN_DEPTH_MAX).optional(),
});

/** The limits of one run, as its start gives them. */
export const startLimitsSchema = runLimitsSchema.extend({ maxSteps: maxStepsSchema.optional() });

/** The limits that hold for a run. */
export const grantedLimitsSchema = runLimitsSchema.extend({ maxSteps: maxStepsSchema });

/**
 * An agent's config that was accepted once. Its timeouts may be longer than a gateway waits (`timeoutMsOf`). Parsing it
 * fills in the defaults.
 */
export const storedAgentConfigSchema = z
  .strictObject({
    name: agentNameSchema,
    description: z.string().max(DESCRIPTION_CHARACTERS_MAX).optional(),
    model: modelNameSchema,
    system: z.string().max(SYSTEM_CHARACTERS_MAX).optional(),
    settings: modelSettingsSchema.default({}),
    maxSteps: maxStepsSchema.default(STEPS_DEFAULT),
    limits: runLimitsSchema.optional(),
    retry: z
      .strictObject({
        maxAttempts: z.int().min(1).max(MODEL_ATTEMPTS_MAX).default(MODEL_ATTEMPTS_DEFAULT),
        loadingTimeoutMs: z.int().min(0).max(TIMEOUT_MS_MAX).default(MODEL_LOADING_TIMEOUT_MS_DEFAULT),
      })
      .default({ maxAttempts: MODEL_ATTEMPTS_DEFAULT, loadingTimeoutMs: MODEL_LOADING_TIMEOUT_MS_DEFAULT }),
    toolTimeoutMs: timeoutMsSchema.default(TOOL_TIMEOUT_MS_DEFAULT),
    modelIdleTimeoutMs: timeoutMsSchema.default(MODEL_IDLE_TIMEOUT_MS_DEFAULT),
    onIncomplete: z.enum(["complete", "fail"]).default("complete"),
    policy: z.enum(START_POLICIES).optional(),
    outputSchema: writtenObjectSchema.optional(),
    history: z
      .strictObject({
        maxTokens: z.int().min(1).max(HISTORY_TOKENS_MAX).optional(),
        maxRuns: z.int().min(0).max(HISTORY_RUNS_MAX).optional(),
        overflow: z.enum(HISTORY_OVERFLOWS).default("trim"),
      })
      .default({ overflow: "trim" }),
    approval: approvalRulesSchema.optional(),
    tools: z.array(toolConfigSchema).max(TOOLS_PER_AGENT_MAX).default([]),
    providerTools: z.array(providerToolSchema).max(PROVIDER_TOOL_IDS.length).optional(),
  })
  .superRefine((config, context) => {
    const seen = new Set<string>();
    config.tools.forEach((tool, index) => {
      if (seen.has(tool.name)) {
        context.addIssue({ code: "custom", path: ["tools", index, "name"], message: `'${tool.name}' names two tools` });
      }
      seen.add(tool.name);
    });
    config.providerTools?.forEach(({ id }, index) => {
      const message = providerToolFault(id, config.model, seen);
      if (message !== null) context.addIssue({ code: "custom", path: ["providerTools", index, "id"], message });
      seen.add(providerToolName(id));
    });
  });

/** What is wrong with a provider's tool beside tools of these names; null: nothing. */
function providerToolFault(id: ProviderToolId, model: string, names: ReadonlySet<string>): string | null {
  const [provider, of] = [model.slice(0, model.indexOf("/")), id.slice(0, id.indexOf("."))];
  if (of !== provider) return `is a tool of '${of}', and the model's provider is '${provider}'`;
  const name = providerToolName(id);
  return names.has(name) ? `is shown as '${name}', which names another tool` : null;
}

/** A tool that one run has beside those of its agent. */
const runToolSchema = z
  .strictObject({
    name: toolNameSchema,
    description: z.string().max(DESCRIPTION_CHARACTERS_MAX).optional(),
    inputSchema: jsonObjectSchema,
    target: z.enum(["device", "browser", "external"]),
    device: z
      .strictObject({ select: z.enum(["any", "origin"]).optional(), labels: labelsSchema.optional() })
      .optional(),
    approval: z.enum(["never", "always"]).optional(),
    repeatable: z.boolean().optional(),
    timeoutMs: timeoutMsSchema.optional(),
  })
  .refine(({ target, device }) => target !== "external" || device === undefined, {
    path: ["device"],
    message: "only means something with target 'device' or 'browser'",
  });

/** The fields of a start that add to its agent for one run. */
export const runScopeSchema = z.strictObject({
  instructions: z.string().min(1).max(INSTRUCTIONS_CHARACTERS_MAX).optional(),
  tools: z
    .array(z.union([toolNameSchema, runToolSchema]))
    .max(TOOLS_PER_AGENT_MAX)
    .optional(),
  outputSchema: jsonObjectSchema.optional(),
});

/** An agent's config that is pushed. Parsing it fills in the defaults. */
export const agentConfigSchema = storedAgentConfigSchema.superRefine((config, context) => {
  const refuse = (path: (string | number)[], message: string): void =>
    context.addIssue({ code: "custom", path, message });
  if (config.modelIdleTimeoutMs > HELD_TIMEOUT_MS_MAX) refuse(["modelIdleTimeoutMs"], HELD_TOO_LONG);
  config.tools.forEach((tool, index) => {
    if (!isHeld(tool)) return;
    const path = ["tools", index, "timeoutMs"];
    const advice = "A tool that takes longer needs the target 'external'.";
    if (tool.timeoutMs !== undefined) {
      if (tool.timeoutMs > HELD_TIMEOUT_MS_MAX) refuse(path, `${HELD_TOO_LONG}. ${advice}`);
    } else if (config.toolTimeoutMs > HELD_TIMEOUT_MS_MAX) {
      refuse(path, `is needed, since 'toolTimeoutMs' is too long for a tool of the gateway: it ${HELD_TOO_LONG}`);
    }
  });
});
