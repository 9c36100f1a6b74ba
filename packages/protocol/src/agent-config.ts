import { z } from "zod";
import { agentNameSchema, deviceKeySchema, toolNameSchema } from "./ids.ts";
import { jsonObjectSchema } from "./json.ts";

/** `<provider>/<model>`; the model's own name may hold further slashes. */
export const modelNameSchema = z
  .string()
  .max(200)
  .regex(
    /^(openai|anthropic|google|xai|openai-compatible|demo)\/\S+$/,
    "must be '<provider>/<model>' with provider openai, anthropic, google, xai, openai-compatible or demo",
  );

/** A label set of a device, or the labels a device must have to be asked. */
export const labelsSchema = z.record(z.string().max(100), z.string().max(200));

const durationMsSchema = z
  .int()
  .min(1)
  .max(7 * 24 * 3600 * 1000);

/** An HTTP request the gateway makes on the tool's behalf; `{arg}` in `url` is filled from the call's arguments. */
export const httpServerToolSchema = z.strictObject({
  type: z.literal("http"),
  url: z.string().max(2000),
  method: z.enum(["GET", "POST", "PUT", "PATCH", "DELETE"]).default("POST"),
  headers: z.record(z.string(), z.string()).optional(),
});

/** A function the gateway's own program registered under this name. */
export const functionServerToolSchema = z.strictObject({
  type: z.literal("function"),
  name: z.string().max(100).optional(),
});

export const serverToolSchema = z.discriminatedUnion("type", [httpServerToolSchema, functionServerToolSchema]);

export const toolTargetSchema = z.enum(["server", "device", "browser", "external"]);

/** One tool of an agent, as it is pushed. */
export const toolConfigSchema = z
  .strictObject({
    name: toolNameSchema,
    description: z.string().max(10_000).optional(),
    inputSchema: jsonObjectSchema,
    target: toolTargetSchema.optional(),
    device: z
      .strictObject({
        key: deviceKeySchema.optional(),
        select: z.enum(["any", "origin"]).optional(),
        labels: labelsSchema.optional(),
      })
      .optional(),
    approval: z.enum(["never", "always"]).default("never"),
    repeatable: z.boolean().optional(),
    timeoutMs: durationMsSchema.optional(),
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
  });

/** The provider-neutral settings of a model call (AI SDK names). */
export const modelSettingsSchema = z.strictObject({
  temperature: z.number().min(0).max(5).optional(),
  topP: z.number().min(0).max(1).optional(),
  topK: z.int().min(1).optional(),
  maxOutputTokens: z.int().min(1).optional(),
  presencePenalty: z.number().optional(),
  frequencyPenalty: z.number().optional(),
  stopSequences: z.array(z.string()).max(16).optional(),
  seed: z.int().optional(),
  toolChoice: z.enum(["auto", "none", "required"]).optional(),
  providerOptions: z.record(z.string(), jsonObjectSchema).optional(),
});

/** An agent's config: what is pushed, hashed and never changed. Parsing it fills in the defaults. */
export const agentConfigSchema = z
  .strictObject({
    name: agentNameSchema,
    description: z.string().max(10_000).optional(),
    model: modelNameSchema,
    system: z.string().max(200_000).optional(),
    settings: modelSettingsSchema.default({}),
    maxSteps: z.int().min(1).max(200).default(20),
    retry: z.strictObject({ maxAttempts: z.int().min(1).max(10).default(3) }).default({ maxAttempts: 3 }),
    toolTimeoutMs: durationMsSchema.default(60_000),
    modelIdleTimeoutMs: durationMsSchema.default(60_000),
    tools: z.array(toolConfigSchema).max(128).default([]),
  })
  .superRefine((config, context) => {
    const seen = new Set<string>();
    config.tools.forEach((tool, index) => {
      if (seen.has(tool.name)) {
        context.addIssue({ code: "custom", path: ["tools", index, "name"], message: `'${tool.name}' names two tools` });
      }
      seen.add(tool.name);
    });
  });

/** A config as a person writes it, before defaults. */
export type AgentConfigInput = z.input<typeof agentConfigSchema>;
/** A config with its defaults filled in: what a run works from. */
export type AgentConfig = z.output<typeof agentConfigSchema>;
export type ToolConfig = z.output<typeof toolConfigSchema>;
export type ToolTarget = z.infer<typeof toolTargetSchema>;
export type ServerTool = z.output<typeof serverToolSchema>;
export type ModelSettings = z.output<typeof modelSettingsSchema>;

/** Where a call of this tool executes: `server` when `server` is given, else `device` unless said otherwise. */
export function targetOf(tool: ToolConfig): ToolTarget {
  return tool.server !== undefined ? "server" : (tool.target ?? "device");
}

/**
 * Whether a call whose outcome is unknown may be done again: only if the tool says so, or is an HTTP GET (RFC 9110,
 * 9.2.2).
 */
export function isRepeatable(tool: ToolConfig): boolean {
  return tool.repeatable ?? (tool.server?.type === "http" && tool.server.method === "GET");
}

/**
 * How long a dispatched call may take, in milliseconds; `null`: as long as it takes (`external` without its own bound).
 */
export function timeoutMsOf(config: AgentConfig, tool: ToolConfig): number | null {
  if (tool.timeoutMs !== undefined) return tool.timeoutMs;
  return targetOf(tool) === "external" ? null : config.toolTimeoutMs;
}
