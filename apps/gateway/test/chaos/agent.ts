import type { AgentConfigInput, JsonObject } from "@hsafa/protocol";

/** The plan of one run. It is seeded, so that a load can be repeated. */
export interface RunScript {
  readonly input: string;
  readonly deviceKey: string;
  /** The client's own key of the run's thread; null if it has none. */
  readonly threadKey: string | null;
  /** Messages to the run in progress. */
  readonly messages: readonly Interjection[];
}

/** A message to a run in progress, sent `afterMs` after the run's first event. */
export interface Interjection {
  readonly afterMs: number;
  readonly text: string;
}

/** The agents of a load, those below first. The input of a run says what its model says and calls. */
export function chaosAgents(toolServerUrl: string): (AgentConfigInput & JsonObject)[] {
  const agent = chaosAgent(toolServerUrl);
  const below = { name: "chaos-child", model: agent.model, tools: agent.tools } as AgentConfigInput & JsonObject;
  const delegate = { name: "delegate", server: { type: "agent", agent: below.name } };
  const sleep = { name: "sleep", server: { type: "sleep" } };
  return [
    below,
    { ...agent, tools: [...(agent.tools ?? []), delegate, sleep] } as AgentConfigInput & JsonObject,
    { name: VIEWER, model: "demo/files" },
  ];
}

/** The agent that says which files it was shown. */
export const VIEWER = "chaos-viewer";

/** An agent with each kind of tool that a gateway, a device or a person answers. */
function chaosAgent(toolServerUrl: string): AgentConfigInput & JsonObject {
  const inputSchema = { type: "object" };
  const pool = { select: "any" as const, labels: { pool: "chaos" } };
  const atServer = (name: string) => ({ type: "http" as const, url: `${toolServerUrl}/${name}` });
  const config: AgentConfigInput = {
    name: "chaos",
    model: "demo/script",
    tools: [
      { name: "server_once", inputSchema, server: atServer("server_once") },
      { name: "server_again", inputSchema, server: { ...atServer("server_again"), method: "GET" } },
      { name: "device_once", inputSchema, device: { select: "origin" }, timeoutMs: 15_000 },
      { name: "device_again", inputSchema, device: pool, repeatable: true, timeoutMs: 15_000 },
      { name: "ask_person", inputSchema, target: "external" },
      { name: "server_approved", inputSchema, approval: "always", server: atServer("server_approved") },
      {
        name: "device_approved",
        inputSchema,
        approval: "always",
        device: { select: "origin" },
        timeoutMs: 15_000,
      },
    ],
  };
  return config as AgentConfigInput & JsonObject;
}

/** Tools that must not execute before the call is approved. */
export const APPROVED_TOOLS: ReadonlySet<string> = new Set(["server_approved", "device_approved"]);

/** Tools that must not execute twice (R4). */
export const ONCE_TOOLS: ReadonlySet<string> = new Set(["server_once", "device_once", ...APPROVED_TOOLS]);

/** Tools of the run's own device that must not execute twice. */
export const DEVICE_ONCE_TOOLS: readonly string[] = ["device_once", "device_approved"];

const TOOLS = [
  "server_once",
  "server_again",
  "device_once",
  "device_again",
  "ask_person",
  "delegate",
  "delegate",
  ...APPROVED_TOOLS,
];

/** The calls of a speaking run, in turn. */
const QUICK_TOOLS = ["server_once", "device_once", "server_again"];

/** The share of calls needing approval that will be denied, 0 to 1. */
const DENIED_SHARE = 0.25;
/** The share of runs that get a message in progress, 0 to 1. */
const MESSAGE_SHARE = 0.3;

interface Speech {
  readonly random: () => number;
  readonly name: string;
  readonly everyMs: number;
  /** The most words of one step. */
  readonly words: number;
}

/**
 * Plans a run of one to four steps that reasons, speaks and calls tools, sometimes several at once. Some runs get a
 * message within `joinWithinMs`, and continue with it.
 */
export function mixedRun(
  params: Speech & {
    readonly deviceKeys: readonly string[];
    readonly threadKey: string | null;
    readonly joinWithinMs: number;
  },
): RunScript {
  const { random, name, deviceKeys, threadKey, joinWithinMs } = params;
  const input = mixedScript(params, Math.floor(random() * 4));
  const deviceKey = pick(random, deviceKeys, "none");
  const messages =
    random() < MESSAGE_SHARE
      ? [
          {
            afterMs: random() * joinWithinMs,
            text: mixedScript({ ...params, name: `more of ${name}` }, Math.floor(random() * 2)),
          },
        ]
      : [];
  return { input, deviceKey, threadKey, messages };
}

/** Writes a script of `stepsWithCalls` steps with calls, and a last one without. */
function mixedScript(params: Speech, stepsWithCalls: number): string {
  const { random, name, everyMs, words } = params;
  const speech = (): JsonObject => ({ repeat: 2 + Math.floor(random() * words), parts: [{ say: "word {{n}} " }] });
  const call = (): JsonObject => {
    const tool = pick(random, TOOLS, "server_once");
    if (tool === "delegate") return { call: tool, args: { input: childScript(random, name) } };
    // The person who approves or denies the call reads `isFine`.
    const args: JsonObject = APPROVED_TOOLS.has(tool) ? { of: name, isFine: random() >= DENIED_SHARE } : { of: name };
    return { call: tool, args };
  };
  const steps: JsonObject[][] = [];
  for (let left = stepsWithCalls; left > 0; left -= 1) {
    const calls = Array.from({ length: 1 + Math.floor(random() * 2) }, call);
    steps.push([{ think: `What does ${name} need now?` }, speech(), ...calls]);
  }
  steps.push([{ think: "That is all." }, speech(), { say: "The last word: {{results}}" }]);
  return scripted(name, { everyMs, steps });
}

/** Writes the script of a child: a step with a quick call, and a last one. */
function childScript(random: () => number, name: string): string {
  const call = { call: pick(random, QUICK_TOOLS, "server_once"), args: { of: `a child of ${name}` } };
  return scripted(`a part of ${name}`, { everyMs: 20, steps: [[{ say: "One moment. " }, call], [{ say: "Done." }]] });
}

/**
 * Plans a run that speaks without pauses. Each step ends with a call of a quick tool, so any silence comes from a
 * fault.
 */
export function speakingRun(params: {
  readonly name: string;
  readonly everyMs: number;
  readonly words: number;
  readonly steps: number;
  readonly deviceKey: string;
}): RunScript {
  const { name, everyMs, words, steps, deviceKey } = params;
  const speech = { repeat: words, parts: [{ say: "word {{n}} " }] };
  const script = [
    ...Array.from({ length: steps - 1 }, (_, index) => [
      speech,
      { call: QUICK_TOOLS[index % QUICK_TOOLS.length] ?? "server_once", args: { of: name } },
    ]),
    [speech],
  ];
  return { input: scripted(name, { everyMs, steps: script }), deviceKey, threadKey: null, messages: [] };
}

function pick<T>(random: () => number, list: readonly T[], fallback: T): T {
  return list[Math.floor(random() * list.length)] ?? fallback;
}

export function scripted(name: string, script: JsonObject): string {
  return `Please do ${name}.\ndemo: ${JSON.stringify(script)}`;
}
