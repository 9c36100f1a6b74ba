import type { Client } from "@hsafa/client";
import {
  type AgentConfigInput,
  type ApprovalRecipient,
  type JsonValue,
  PAGE_ITEMS_MAX,
  type Run,
  type ToolCall,
} from "@hsafa/protocol";
import { CliError } from "./cli-error.ts";
import { DECIDED_CHARACTERS_MAX } from "./limits.ts";
import { brief, foreignLine, lines, own, type Shown } from "./shown.ts";

/** What a person must know to decide a call. */
export interface DescribedDecision {
  readonly shown: Shown;
  /** Whether the arguments are shown to their end. */
  readonly isWhole: boolean;
  /** What the decision is about. Calls that a gateway of an earlier version asked for have none. */
  readonly digest: string | undefined;
}

/** Describes a call: the tool, its arguments, where they would go, and who may decide. */
export async function describeDecision(
  client: Client,
  params: { readonly runId: string; readonly callId: string; readonly charactersMax?: number },
): Promise<DescribedDecision> {
  const { runId, callId, charactersMax = DECIDED_CHARACTERS_MAX } = params;
  const call = await findCall(client, runId, callId);
  if (call === null)
    throw new CliError(own`The run ${runId} has no call ${callId}; 'npx hsafa watch' shows its calls.`);
  const run = await client.runs.get(runId);
  const { approval } = call;
  const args = JSON.stringify(inOrder(call.args));
  const missing = args.length - charactersMax;
  const shownArgs = foreignLine(args, charactersMax);
  const rules = approval === null ? [] : rulesOf(approval.groups);
  return {
    isWhole: missing <= 0,
    digest: approval?.digest,
    shown: lines([
      own`run ${runId} of the agent ${run.agentName}, started by ${run.startedBy ?? own`(not recorded)`}`,
      own`  tool       ${call.toolName}`,
      own`  arguments  ${missing > 0 ? own`${shownArgs} (${missing} characters more are not shown)` : shownArgs}`,
      own`  goes to    ${approval === null ? own`(not recorded)` : await recipientOf(client, run, call, approval.recipient)}`,
      ...rules,
      own`  state      ${call.status}`,
    ]),
  };
}

async function findCall(client: Client, runId: string, callId: string): Promise<ToolCall | null> {
  for (let cursor: string | undefined; ; ) {
    const page = await client.runs.toolCalls(runId, { limit: PAGE_ITEMS_MAX, cursor });
    const found = page.data.find(({ id }) => id === callId);
    if (found !== undefined) return found;
    if (page.nextCursor === null) return null;
    cursor = page.nextCursor;
  }
}

/** The arguments with their keys in order, so that the same arguments always look the same. */
function inOrder(value: JsonValue): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(inOrder);
  const names = Object.keys(value).toSorted();
  return Object.fromEntries(names.map((name) => [name, inOrder((value as Record<string, JsonValue>)[name] ?? null)]));
}

function rulesOf(groups: readonly string[]): Shown[] {
  return groups.length === 0 ? [] : [own`  needs      one of the groups ${groups.join(", ")}`];
}

async function recipientOf(client: Client, run: Run, call: ToolCall, recipient: ApprovalRecipient): Promise<Shown> {
  const kind = call.target === "browser" ? own`browser` : own`device`;
  switch (recipient.kind) {
    case "device": {
      const { deviceKey, deviceId, owner } = recipient;
      if (deviceId === null) return own`the ${kind} ${deviceKey}, which has not connected yet`;
      return owner === null ? own`the ${kind} ${deviceKey}` : own`the ${kind} ${deviceKey} of ${owner}`;
    }
    case "any_device": {
      const { labels } = recipient;
      const isLabelled = Object.keys(labels).length > 0;
      return isLabelled ? own`any ${kind} with the labels ${brief(labels)}` : own`any ${kind}`;
    }
    case "http":
      return own`${recipient.method} ${(await urlOf(client, run, call)) ?? recipient.origin ?? own`(no address)`}`;
    case "function":
      return own`the function ${recipient.name} of the gateway`;
    case "agent":
      return own`the agent ${recipient.agent}, as a child`;
    case "external":
      return own`any program that may write the run`;
    default:
      return recipient satisfies never;
  }
}

/** The URL of the tool with its placeholders. Only keys that write configs are shown it. */
async function urlOf(client: Client, { agentId, versionId }: Run, { toolName }: ToolCall): Promise<string | undefined> {
  const version = await client.agents.version(agentId, versionId);
  // The gateway takes no other config.
  const config = version.config as AgentConfigInput | undefined;
  const server = config?.tools?.find(({ name }) => name === toolName)?.server;
  return server?.type === "http" ? server.url : undefined;
}
