import type { AgentConfigInput, JsonObject } from "@hsafa/protocol";

/** How one run is to go: seeded, so that a load can be played again. */
export interface RunScript {
  readonly input: string;
  readonly deviceKey: string;
}

/** The agent of every run: each kind of tool there is. What the model says and calls stands in the run's own input. */
export function chaosAgent(toolServerUrl: string): AgentConfigInput & JsonObject {
  const inputSchema = { type: "object" };
  const pool = { select: "any" as const, labels: { pool: "chaos" } };
  const config: AgentConfigInput = {
    name: "chaos",
    model: "demo/script",
    tools: [
      { name: "server_once", inputSchema, server: { type: "http", url: `${toolServerUrl}/server_once` } },
      {
        name: "server_again",
        inputSchema,
        server: { type: "http", url: `${toolServerUrl}/server_again`, method: "GET" },
      },
      { name: "device_once", inputSchema, device: { select: "origin" }, timeoutMs: 15_000 },
      { name: "device_again", inputSchema, device: pool, repeatable: true, timeoutMs: 15_000 },
      { name: "ask_person", inputSchema, target: "external" },
    ],
  };
  return config as AgentConfigInput & JsonObject;
}

/** The tools that must not be executed twice. */
export const ONCE_TOOLS: ReadonlySet<string> = new Set(["server_once", "device_once"]);

const TOOLS = ["server_once", "server_again", "device_once", "device_again", "ask_person"];

/** A run of one to four steps that reasons, speaks and calls tools, several at once at times. `words`: of one step, at most. */
export function mixedRun(params: {
  readonly random: () => number;
  readonly name: string;
  readonly everyMs: number;
  readonly words: number;
  readonly deviceKeys: readonly string[];
}): RunScript {
  const { random, name, everyMs, words, deviceKeys } = params;
  const pick = <T>(list: readonly T[], fallback: T): T => list[Math.floor(random() * list.length)] ?? fallback;
  const speech = (): JsonObject => ({ repeat: 2 + Math.floor(random() * words), parts: [{ say: "word {{n}} " }] });
  const steps: JsonObject[][] = [];
  for (let left = Math.floor(random() * 4); left > 0; left -= 1) {
    const calls = Array.from({ length: 1 + Math.floor(random() * 2) }, () => ({
      call: pick(TOOLS, "server_once"),
      args: { of: name },
    }));
    steps.push([{ think: `What does ${name} need now?` }, speech(), ...calls]);
  }
  steps.push([{ think: "That is all." }, speech(), { say: "The last word: {{results}}" }]);
  return { input: scripted(name, { everyMs, steps }), deviceKey: pick(deviceKeys, "none") };
}

/** A run that only speaks, in steps which a server tool ends: any silence in it is somebody's fault. */
export function speakingRun(params: {
  readonly name: string;
  readonly everyMs: number;
  readonly words: number;
  readonly steps: number;
}): RunScript {
  const { name, everyMs, words, steps } = params;
  const speech = { repeat: words, parts: [{ say: "word {{n}} " }] };
  const script = [
    ...Array.from({ length: steps - 1 }, () => [speech, { call: "server_again", args: { of: name } }]),
    [speech],
  ];
  return { input: scripted(name, { everyMs, steps: script }), deviceKey: "none" };
}

export function scripted(name: string, script: JsonObject): string {
  return `Please do ${name}.\ndemo: ${JSON.stringify(script)}`;
}
