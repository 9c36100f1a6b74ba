/**
 * Whether a call starts a child, and what the child may use (R1).
 *
 * 1. A child bears the id of its call. So a call has one child at most, however often it is started.
 * 2. What a run has used, has left its open children, holds withheld and leaves this one is within its limit. So a tree
 *    exceeds the limit of its root by one step of each run at most.
 * 3. No agent works below itself.
 */
import {
  type JsonValue,
  INPUT_TEXT_CHARACTERS_MAX,
  OPEN_CHILDREN_MAX,
  RUN_DEPTH_MAX,
  type ParentRef,
  type StartedChild,
  type StartLimits,
} from "@hsafa/protocol";
import type { KnownAgent } from "./input.ts";
import { roundedUsd } from "./priced-usage.ts";
import { type Call, childAgentOf, openCallsOf, type RunBody } from "./run-state.ts";

/** A refusal is told to the model, as the failure of the call. */
export type ChildPlan =
  | { readonly kind: "starts"; readonly child: StartedChild }
  | { readonly kind: "refused"; readonly code: string; readonly message: string };

/** `agents`: the agents that the run's tools name, by name, as far as there are such. */
export function planChild(params: {
  readonly run: RunBody;
  readonly call: Call;
  readonly agentName: string;
  readonly agents: Readonly<Record<string, KnownAgent>>;
}): ChildPlan {
  const { run, call, agentName, agents } = params;
  const agent = Object.hasOwn(agents, agentName) ? agents[agentName] : undefined;
  if (agent === undefined) return refused("unknown_agent", `There is no agent '${agentName}'.`);
  if (agentsThrough(run).includes(agent.agentId)) {
    const message = `The agent '${agentName}' is the one that asks, or one above it. It was not started.`;
    return refused("agent_cycle", message); // 3.
  }
  if (depthLeft(run) < 1)
    return refused("too_deep", `The run is ${depthOf(run)} levels below the first one, and may have no children.`);
  if (run.openChildren.size >= OPEN_CHILDREN_MAX) {
    const message = `${OPEN_CHILDREN_MAX} children of the run are under way already. Ask again when one has ended.`;
    return refused("too_many_children", message);
  }
  if (childInput(call.args).length > INPUT_TEXT_CHARACTERS_MAX)
    return refused("invalid_args", `The input has more than ${INPUT_TEXT_CHARACTERS_MAX} characters.`);
  const share = shareOf(run);
  if (share === null)
    return refused("limit_exceeded", "Nothing is left for another child: those that are under way have the rest.");
  const { agentId, versionId } = agent;
  const limits = Object.keys(share).length === 0 ? {} : { limits: share };
  return { kind: "starts", child: { runId: call.callId, agentId, versionId, ...limits } }; // 1.
}

/** What the child is told: the text of `{input}`, or the arguments as JSON. */
export function childInput(args: JsonValue): string {
  const isPlain = typeof args === "object" && args !== null && !Array.isArray(args) && Object.keys(args).length === 1;
  const input = isPlain ? args["input"] : undefined;
  return typeof input === "string" ? input : JSON.stringify(args);
}

/** The run as its children name it, in answer to this call. */
export function parentRefOf(run: RunBody, callId: string): ParentRef {
  const rootRunId = run.parent?.rootRunId ?? run.runId;
  return { runId: run.runId, callId, rootRunId, depth: depthOf(run) + 1, agentIds: agentsThrough(run) };
}

function refused(code: string, message: string): ChildPlan {
  return { kind: "refused", code, message };
}

function depthOf({ parent }: RunBody): number {
  return parent?.depth ?? 0;
}

/** The agents from the top down to this run's own. */
function agentsThrough({ parent, agentId }: RunBody): string[] {
  return [...(parent?.agentIds ?? []), ...(agentId === null ? [] : [agentId])];
}

function depthLeft(run: RunBody): number {
  return Math.min(run.limits.maxDepth ?? RUN_DEPTH_MAX, RUN_DEPTH_MAX - depthOf(run));
}

/**
 * What one more child may use. It shares equally what is left with those that the same step has still to start (2.).
 * Null: nothing is left.
 */
function shareOf(run: RunBody): StartLimits | null {
  const { limits, usage, childrenUsage, withheld, tokens } = run;
  const given = [...run.openChildren.values()].map((child) => child.limits);
  const waiting = openCallsOf(run).filter((call) => childAgentOf(call) !== null && call.phase.kind !== "dispatched");
  const parts = Math.max(1, Math.min(waiting.length, OPEN_CHILDREN_MAX - run.openChildren.size));
  const left = (limit: number, used: number, of: "tokens" | "costUsd"): number =>
    (limit - used - given.reduce((sum, child) => sum + (child[of] ?? 0), 0)) / parts;
  const share: { tokens?: number; costUsd?: number; maxDepth?: number } = {};
  if (limits.tokens !== undefined) share.tokens = Math.floor(left(limits.tokens, tokens, "tokens"));
  if (limits.costUsd !== undefined) {
    const spent = (usage.costUsd ?? 0) + (childrenUsage.costUsd ?? 0) + (withheld.costUsd ?? 0);
    share.costUsd = roundedUsd(left(limits.costUsd, spent, "costUsd"));
  }
  if ((share.tokens ?? 1) < 1 || (share.costUsd ?? 1) <= 0) return null;
  if (limits.maxDepth !== undefined) share.maxDepth = limits.maxDepth - 1;
  return share;
}
