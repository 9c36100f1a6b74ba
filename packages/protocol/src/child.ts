import type { StartLimits } from "./agent-config.ts";
import type { JsonObject } from "./json.ts";

/** The run that another one has started, for one of its tool calls. The id of a child is that of its call. */
export interface StartedChild {
  readonly runId: string;
  readonly agentId: string;
  readonly versionId: string;
  /** What the parent leaves it to use. Its agent's limits hold as well. */
  readonly limits?: StartLimits;
}

/**
 * What runs below an ended one were left, and may use until their cancel reaches them. Nobody tells how much of it they
 * use, so it counts whole for the limits of each run above.
 */
export interface WithheldUse {
  readonly tokens?: number;
  readonly costUsd?: number;
}

/** The run that started a child, as the child's first fact names it. */
export interface ParentRef {
  readonly runId: string;
  /** The call of the parent that the child answers. */
  readonly callId: string;
  /** The run at the top, which a client has started. */
  readonly rootRunId: string;
  /** How far the child is below it, from 1. */
  readonly depth: number;
  /** The agents of the runs above the child, from the top. None of them may be called below. */
  readonly agentIds: string[];
}

/** The arguments of a tool of type `agent` that declares no schema. */
export interface ChildArgs {
  readonly input: string;
}

/** The schema of these arguments. */
export const CHILD_INPUT_SCHEMA = {
  type: "object",
  properties: { input: { type: "string", description: "What the agent is to do, with all that it needs to know." } },
  required: ["input"],
  additionalProperties: false,
} as const satisfies JsonObject;
