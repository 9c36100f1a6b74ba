import type { AgentConfigInput } from "@hsafa/protocol";
import type { Random } from "./random.ts";
import { NAP } from "./nap.ts";
import { OUTPUT_SCHEMA } from "./structured-runs.ts";
import type { Traits } from "./traits.ts";

export const TENANT_NAME = "simulated";
/**
 * The key that every device and client shows. No tokens: WebCrypto checks those on threads of its own, in a time that
 * no seed decides.
 */
export const API_KEY = "hsafa_simulated";
export const AGENT_NAME = "worker";
export const MODEL_NAME = "demo/scripted";
const inputSchema = { type: "object" };
/** A deadline that no world lives to see. */
const FAR_TIMEOUT_MS = 3_600_000;

/** What the agent of a world with limits allows its runs. */
export const AGENT_LIMITS = { tokens: 40, costUsd: 9, wallTimeMs: 60_000, toolCalls: 8 } as const;

/** One tool of each kind. */
const TOOLS: NonNullable<AgentConfigInput["tools"]> = [
  { name: "look", inputSchema, target: "device" },
  { name: "scan", inputSchema, target: "device", repeatable: true, timeoutMs: 12_000 },
  { name: "open", inputSchema, target: "device", device: { key: "device-0" } },
  { name: "strict", inputSchema, target: "device", timeoutMs: 4000, onTimeout: "fail-run" },
  { name: "confirm", inputSchema, target: "device", approval: "always" },
  { name: "tab", inputSchema, target: "browser" },
  { name: "ask", inputSchema, target: "external" },
  { name: "hurry", inputSchema, target: "external", timeoutMs: 1500 },
  { name: "pay", inputSchema, server: { type: "function" } },
  { name: "fetch", inputSchema, server: { type: "function" }, repeatable: true },
];

/** The agent of every simulated run. */
const AGENT: AgentConfigInput = {
  name: AGENT_NAME,
  model: MODEL_NAME,
  modelIdleTimeoutMs: 2500,
  toolTimeoutMs: 9000,
  retry: { maxAttempts: 10 },
  // Messages that enter a run bring plans of their own.
  maxSteps: 60,
  tools: TOOLS,
};

/** Tools of devices that come back sooner or later. */
const PATIENT: ReadonlySet<string> = new Set(["look", "open"]);

/**
 * The agent's config. `isPatient`: some calls have no deadline that could help. So their run ends only if the gateways
 * notice what becomes of them. `isLimited`: its runs have limits. `isSleepy`: they may sleep.
 * `isStructured`: they end with an object.
 */
export function agentOf(
  traits: Pick<Traits, "isPatient" | "isLimited" | "isSleepy" | "isStructured">,
): AgentConfigInput {
  const { isPatient, isLimited, isSleepy, isStructured } = traits;
  const tools = isSleepy ? [...TOOLS, { name: NAP, server: { type: "sleep" as const } }] : TOOLS;
  const output = isStructured ? { outputSchema: OUTPUT_SCHEMA } : {};
  const agent = { ...AGENT, ...(isLimited ? { limits: AGENT_LIMITS } : {}), ...output, tools };
  if (!isPatient) return agent;
  return {
    ...agent,
    tools: tools.map((tool) => (PATIENT.has(tool.name) ? { ...tool, timeoutMs: FAR_TIMEOUT_MS } : tool)),
  };
}

export const DEVICE_TOOLS = ["look", "scan", "open", "strict", "confirm", "tab"];
const REPEATABLE: ReadonlySet<string> = new Set(["scan", "fetch"]);
const TOOL_NAMES = TOOLS.map((tool) => tool.name);

export function isRepeatableTool(toolName: string): boolean {
  return REPEATABLE.has(toolName);
}

export function isApprovedTool(toolName: string): boolean {
  return TOOLS.some(({ name, approval }) => name === toolName && approval === "always");
}

/** What the model does in one step of a plan. */
export interface PlannedStep {
  readonly reasoning: number;
  readonly words: number;
  readonly paceMs: number;
  readonly tools: readonly string[];
  /** How often the step fails before it succeeds, and how. */
  readonly failures: number;
  readonly failure: "overloaded" | "network" | "silence" | "bad_request";
}

/** The steps that the model takes for a run whose message names this plan. The last asks for no tool. */
export function planOf(random: Random): PlannedStep[] {
  const count = random.whole(1, 4);
  return Array.from({ length: count }, (_, index): PlannedStep => {
    const isLast = index === count - 1;
    return {
      reasoning: random.chance(0.3) ? random.whole(1, 4) : 0,
      words: random.whole(isLast ? 1 : 0, 14),
      paceMs: random.pick([0, 2, 20, 150, 600]),
      tools: isLast
        ? []
        : Array.from({ length: random.whole(1, 3) }, () => (random.chance(0.03) ? "nothing" : random.pick(TOOL_NAMES))),
      failures: random.chance(0.15) ? random.whole(1, 2) : 0,
      failure: random.chance(0.1) ? "bad_request" : random.pick(["overloaded", "network", "silence"]),
    };
  });
}
