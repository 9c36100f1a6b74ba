import type { JsonObject } from "./json.ts";

/** Where a tool call executes. `browser` is a device whose platform is `browser`; `external` is any HTTP client. */
export const TOOL_TARGETS = ["server", "device", "browser", "external"] as const;

/** Where a tool call executes. */
export type ToolTarget = (typeof TOOL_TARGETS)[number];

/** The providers that a model's name may begin with. */
export const MODEL_PROVIDERS = ["openai", "anthropic", "google", "xai", "openai-compatible", "demo"] as const;

/** The methods that an HTTP tool may use. */
export const HTTP_TOOL_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

/** An HTTP request that the gateway makes for the tool. */
export interface HttpServerTool {
  readonly type: "http";
  /** `{arg}` is replaced by the call's argument of that name. */
  readonly url: string;
  /** `POST` by default. The arguments are the JSON body, or the query of a `GET`. */
  readonly method: (typeof HTTP_TOOL_METHODS)[number];
  readonly headers?: Record<string, string>;
}

/** A function that the program around the gateway has registered. */
export interface FunctionServerTool {
  readonly type: "function";
  /** The name of the function; the tool's name if left out. */
  readonly name?: string;
}

/** How the gateway itself executes a tool. */
export type ServerTool = HttpServerTool | FunctionServerTool;

/** Which devices may execute a tool's calls. */
export interface ToolDevice {
  /** Only the device with this key. */
  readonly key?: string;
  /**
   * `origin`: the device that the run was started from. `any`: any that fits. The default is `origin` for the target
   * `browser`, and `any` otherwise.
   */
  readonly select?: "any" | "origin";
  /** Only devices with all of these labels. */
  readonly labels?: Record<string, string>;
}

/** One tool of an agent, with its defaults filled in. */
export interface ToolConfig {
  readonly name: string;
  /** What the model reads about the tool. */
  readonly description?: string;
  /** The JSON Schema of the arguments. */
  readonly inputSchema: JsonObject;
  /** Use `targetOf`, which knows the default. */
  readonly target?: ToolTarget;
  readonly device?: ToolDevice;
  /** `always`: each call waits until a person approves it. */
  readonly approval: "never" | "always";
  /** Use `isRepeatable`, which knows the default. */
  readonly repeatable?: boolean;
  /** How long a dispatched call may take, in milliseconds. Use `timeoutMsOf`, which knows the default. */
  readonly timeoutMs?: number;
  /** What a call that expires does: the model reads that it expired, or the run fails. */
  readonly onTimeout: "tell-model" | "fail-run";
  /** Makes the gateway execute the tool. */
  readonly server?: ServerTool;
}

/** The provider-neutral settings of a model call, by their AI SDK names. */
export interface ModelSettings {
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly maxOutputTokens?: number;
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  readonly stopSequences?: string[];
  readonly seed?: number;
  readonly toolChoice?: "auto" | "none" | "required";
  /** Settings for one provider, by the provider's name. They pass through unchanged. */
  readonly providerOptions?: Record<string, JsonObject>;
}

/** What happens with turns of a thread that are too many: they are left out, summarised, or the run fails. */
export const HISTORY_OVERFLOWS = ["trim", "summarize", "fail"] as const;

/** How much of its thread a run shows the model. */
export interface HistoryConfig {
  /** Tokens that the messages of one step may have, about; as many as the model is known to take if left out. */
  readonly maxTokens?: number;
  /** Earlier runs of the thread that are shown, the newest ones. */
  readonly maxRuns?: number;
  readonly overflow: (typeof HISTORY_OVERFLOWS)[number];
}

/** An agent's config with its defaults filled in: what a run works from. */
export interface AgentConfig {
  readonly name: string;
  readonly description?: string;
  /** `<provider>/<model>`, such as `openai/gpt-5-mini`. */
  readonly model: string;
  /** The system prompt. */
  readonly system?: string;
  readonly settings: ModelSettings;
  /** A run with more steps fails with `max_steps_reached`. */
  readonly maxSteps: number;
  /**
   * `maxAttempts`: attempts at one model call, the first one included. `loadingTimeoutMs`: how long a model that is
   * still loading is waited for in all, in milliseconds. Attempts meanwhile do not count; with one attempt nothing is
   * waited for.
   */
  readonly retry: { readonly maxAttempts: number; readonly loadingTimeoutMs: number };
  /** How long a dispatched call may take if its tool does not say, in milliseconds. */
  readonly toolTimeoutMs: number;
  /** How long the model may send nothing, in milliseconds. */
  readonly modelIdleTimeoutMs: number;
  /** What a run does whose last answer is not whole: it completes and says so, or it fails with `answer_incomplete`. */
  readonly onIncomplete: "complete" | "fail";
  readonly history: HistoryConfig;
  readonly tools: ToolConfig[];
}

/** Makes the named fields of `T` optional. */
type Defaulted<T, Field extends keyof T> = Omit<T, Field> & Partial<Pick<T, Field>>;

/** How the gateway itself executes a tool, as a person writes it. */
export type ServerToolInput = Defaulted<HttpServerTool, "method"> | FunctionServerTool;

/** One tool of an agent, as a person writes it. */
export interface ToolConfigInput
  extends Omit<Defaulted<ToolConfig, "approval" | "onTimeout">, "inputSchema" | "server"> {
  /** The JSON Schema of the arguments. */
  readonly inputSchema: object;
  readonly server?: ServerToolInput;
}

/** The settings of a model call, as a person writes them. */
export interface ModelSettingsInput extends Omit<ModelSettings, "providerOptions"> {
  /** Settings for one provider, by the provider's name. They pass through unchanged. */
  readonly providerOptions?: Record<string, object>;
}

/** An agent's config as a person writes it. What is left out has a default. */
export interface AgentConfigInput
  extends Omit<
    Defaulted<AgentConfig, "maxSteps" | "toolTimeoutMs" | "modelIdleTimeoutMs" | "onIncomplete">,
    "settings" | "retry" | "history" | "tools"
  > {
  readonly settings?: ModelSettingsInput;
  /**
   * `maxAttempts`: attempts at one model call, the first one included; 3 if left out. `loadingTimeoutMs`: how long a
   * model that is still loading is waited for, in milliseconds; 5 minutes if left out.
   */
  readonly retry?: { readonly maxAttempts?: number; readonly loadingTimeoutMs?: number };
  /** How much of its thread a run shows the model. `overflow` is `trim` if left out. */
  readonly history?: Defaulted<HistoryConfig, "overflow">;
  readonly tools?: ToolConfigInput[];
}

/** Returns where a call of this tool executes: `server` if `server` is given, else `device` unless `target` differs. */
export function targetOf(tool: ToolConfig): ToolTarget {
  return tool.server !== undefined ? "server" : (tool.target ?? "device");
}

/**
 * Whether a call whose outcome is unknown may be executed again. That is so if the tool says so, and for an HTTP GET
 * (RFC 9110, 9.2.2).
 */
export function isRepeatable(tool: ToolConfig): boolean {
  return tool.repeatable ?? (tool.server?.type === "http" && tool.server.method === "GET");
}

/**
 * Returns how long a dispatched call may take, in milliseconds. `null` means without bound: a tool with the target
 * `external` has none unless it names one.
 */
export function timeoutMsOf(config: AgentConfig, tool: ToolConfig): number | null {
  if (tool.timeoutMs !== undefined) return tool.timeoutMs;
  return targetOf(tool) === "external" ? null : config.toolTimeoutMs;
}
