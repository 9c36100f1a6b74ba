import type { JsonObject } from "./json.ts";
import type { SecretRef } from "./secret.ts";
import { CHILD_TIMEOUT_MS_DEFAULT, HELD_TIMEOUT_MS_MAX } from "./limits.ts";
import type { ProviderTool } from "./provider-tool.ts";
import type { StartPolicy } from "./start-policy.ts";

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
  /** A credential is best given as a reference to a secret. */
  readonly headers?: Record<string, string | SecretRef>;
  /** Parameters of the query that no argument changes. A credential is best given as a reference to a secret. */
  readonly query?: Record<string, string | SecretRef>;
  /** Fields of the JSON body that no argument changes. A `GET` has none. */
  readonly body?: Record<string, string | SecretRef>;
}

/** A function that the program around the gateway has registered. */
export interface FunctionServerTool {
  readonly type: "function";
  /** The name of the function; the tool's name if left out. */
  readonly name?: string;
}

/** A sleep of the run, until a time or for a while. No gateway holds it meanwhile. */
export interface SleepServerTool {
  readonly type: "sleep";
}

/** A child: another agent takes the call as a run of its own, and what it answers is the result. */
export interface AgentServerTool {
  readonly type: "agent";
  /** The name of the agent. The child takes the version that is current when the call is made. */
  readonly agent: string;
}

/** How the gateway itself executes a tool. */
export type ServerTool = HttpServerTool | FunctionServerTool | SleepServerTool | AgentServerTool;

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

/** Who may approve the calls of a tool. */
export interface ApprovalRules {
  /** Groups of which the decider's credential must have one; if left out, none is needed. */
  readonly groups?: string[];
  /** Whether who started the run may decide its calls; `false` if left out. */
  readonly selfApproval?: boolean;
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
  /**
   * `always`, or rules: each call waits until somebody approves it. The default is `never`, or `always` if the tool is
   * destructive. Use `approvalRulesOf`, which knows the defaults.
   */
  readonly approval?: "never" | "always" | ApprovalRules;
  /** Whether a call may destroy what cannot be brought back. Such a tool asks for approval, unless it says `never`. */
  readonly destructive?: boolean;
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

/**
 * What one run may use. A run that reaches one of these ends as failed with `limit_exceeded`. What is left out has no
 * bound here. `maxSteps` of the agent is its bound on steps.
 */
export interface RunLimits {
  /** Tokens that its model and its children's models report in all. Once they are used, no further step begins. */
  readonly tokens?: number;
  /**
   * US dollars that its steps and its children's cost in all, by the gateway's prices. Once they are spent, no further
   * step begins.
   */
  readonly costUsd?: number;
  /** How long it may take from its first start on, in milliseconds, with everything that it waits for. */
  readonly wallTimeMs?: number;
  /** Tool calls that its model may ask for in all. A step that asks for more ends it, and executes none of them. */
  readonly toolCalls?: number;
  /** How deep children may be below it; 0: it may have none. `RUN_DEPTH_MAX` bounds it in any case. */
  readonly maxDepth?: number;
}

/** The limits of one run as its start gives them: each narrows what the agent's config allows. */
export interface StartLimits extends RunLimits {
  /** As `maxSteps` of the agent. */
  readonly maxSteps?: number;
}

/** The limits that hold for a run. */
export interface GrantedLimits extends RunLimits {
  readonly maxSteps: number;
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
  /** What one run may use beside steps. */
  readonly limits?: RunLimits;
  /**
   * `maxAttempts`: attempts at one model call, the first one included. `loadingTimeoutMs`: how long a model that is
   * still loading is waited for in all, in milliseconds. Attempts meanwhile do not count; with one attempt nothing is
   * waited for.
   */
  readonly retry: { readonly maxAttempts: number; readonly loadingTimeoutMs: number };
  /** How long a dispatched call may take if its tool does not say, in milliseconds. */
  readonly toolTimeoutMs: number;
  /** How long the model may send nothing, in milliseconds. Use `modelIdleTimeoutMsOf`. */
  readonly modelIdleTimeoutMs: number;
  /** What a run does whose last answer is not whole: it completes and says so, or it fails with `answer_incomplete`. */
  readonly onIncomplete: "complete" | "fail";
  /** What becomes of a start on a busy thread that names no policy; `queue` if left out. */
  readonly policy?: StartPolicy;
  /** The JSON Schema of the object with which its runs end; they end with a text if left out. */
  readonly outputSchema?: JsonObject;
  readonly history: HistoryConfig;
  /** Who may approve calls, for the tools that do not say so themselves. It makes no tool ask. */
  readonly approval?: ApprovalRules;
  readonly tools: ToolConfig[];
  /** The tools that the model's provider executes itself. */
  readonly providerTools?: ProviderTool[];
}

/** Makes the named fields of `T` optional. */
type Defaulted<T, Field extends keyof T> = Omit<T, Field> & Partial<Pick<T, Field>>;

/** How the gateway itself executes a tool, as a person writes it. */
export type ServerToolInput =
  | Defaulted<HttpServerTool, "method">
  | FunctionServerTool
  | SleepServerTool
  | AgentServerTool;

/** One tool of an agent, as a person writes it. */
export interface ToolConfigInput extends Omit<Defaulted<ToolConfig, "onTimeout">, "inputSchema" | "server"> {
  /**
   * The JSON Schema of the arguments. A tool of type `sleep` has its own. One of type `agent` takes `{input: string}`
   * if it is left out.
   */
  readonly inputSchema?: object;
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
    "settings" | "retry" | "outputSchema" | "history" | "tools" | "providerTools"
  > {
  readonly settings?: ModelSettingsInput;
  /**
   * `maxAttempts`: attempts at one model call, the first one included; 3 if left out. `loadingTimeoutMs`: how long a
   * model that is still loading is waited for, in milliseconds; 5 minutes if left out.
   */
  readonly retry?: { readonly maxAttempts?: number; readonly loadingTimeoutMs?: number };
  /** The JSON Schema of the object with which its runs end; they end with a text if left out. */
  readonly outputSchema?: object;
  /** How much of its thread a run shows the model. `overflow` is `trim` if left out. */
  readonly history?: Defaulted<HistoryConfig, "overflow">;
  readonly tools?: ToolConfigInput[];
  /** The tools that the model's provider executes itself. */
  readonly providerTools?: ProviderToolInput[];
}

/** A tool that a provider executes itself, as a person writes it. */
export interface ProviderToolInput extends Omit<ProviderTool, "args"> {
  /** Settings of the tool, by the names of the AI SDK. */
  readonly args?: object;
}

/** A tool that one run has beside those of its agent. It executes outside of the gateway. */
export interface RunTool {
  readonly name: string;
  /** What the model reads about the tool. */
  readonly description?: string;
  /** The JSON Schema of the arguments. */
  readonly inputSchema: JsonObject;
  readonly target: "device" | "browser" | "external";
  /** Which devices may execute its calls. `origin` is the device of the start; none is named by its key. */
  readonly device?: Pick<ToolDevice, "select" | "labels">;
  /** Whether each call waits until somebody approves it. */
  readonly approval?: "never" | "always";
  readonly repeatable?: boolean;
  readonly timeoutMs?: number;
}

/** What a start adds to its agent for one run. */
export interface RunScope {
  /** What the model is told after the agent's `system`. */
  readonly instructions?: string;
  /** The tools that the run has, instead of all of its agent's: names of those, and tools of its own. */
  readonly tools?: (string | RunTool)[];
  /** The JSON Schema of the object with which the run ends, in place of its agent's. */
  readonly outputSchema?: JsonObject;
}

/** Returns where a call of this tool executes: `server` if `server` is given, else `device` unless `target` differs. */
export function targetOf(tool: ToolConfig): ToolTarget {
  return tool.server !== undefined ? "server" : (tool.target ?? "device");
}

/** Whether a gateway itself executes the calls of this tool, and holds a place meanwhile. */
export function isHeld(tool: ToolConfig): boolean {
  return tool.server?.type === "http" || tool.server?.type === "function";
}

/**
 * Whether a call whose outcome is unknown may be executed again. That is so if the tool says so, and for an HTTP GET
 * (RFC 9110, 9.2.2).
 */
export function isRepeatable(tool: ToolConfig): boolean {
  return tool.repeatable ?? (tool.server?.type === "http" && tool.server.method === "GET");
}

/**
 * Returns who may approve a call of this tool; `null`: it needs no approval. What the tool says goes before what the
 * agent says. What a device says of itself changes nothing.
 */
export function approvalRulesOf(config: AgentConfig, tool: ToolConfig): Required<ApprovalRules> | null {
  const asks = tool.approval ?? (tool.destructive === true ? "always" : "never");
  if (asks === "never") return null;
  const own = asks === "always" ? {} : asks;
  return {
    groups: own.groups ?? config.approval?.groups ?? [],
    selfApproval: own.selfApproval ?? config.approval?.selfApproval ?? false,
  };
}

/**
 * Returns how long a dispatched call may take, in milliseconds. `null` means without bound: a tool with the target
 * `external` has none unless it names one. What the gateway executes takes `HELD_TIMEOUT_MS_MAX` at most, also if an
 * earlier version took a config with more. A child takes as long as its tool says.
 */
export function timeoutMsOf(config: AgentConfig, tool: ToolConfig): number | null {
  const target = targetOf(tool);
  if (tool.server?.type === "agent") return tool.timeoutMs ?? CHILD_TIMEOUT_MS_DEFAULT;
  if (target === "server") return Math.min(tool.timeoutMs ?? config.toolTimeoutMs, HELD_TIMEOUT_MS_MAX);
  return tool.timeoutMs ?? (target === "external" ? null : config.toolTimeoutMs);
}

/** Returns how long the model may send nothing, in milliseconds: `HELD_TIMEOUT_MS_MAX` at most, as for tools. */
export function modelIdleTimeoutMsOf(config: AgentConfig): number {
  return Math.min(config.modelIdleTimeoutMs, HELD_TIMEOUT_MS_MAX);
}
