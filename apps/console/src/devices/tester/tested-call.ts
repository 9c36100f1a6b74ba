/**
 * Calls one tool on one device by a run, so that the call is recorded as every other one is. The run's agent has a
 * model that plays a script: it makes this call, with exactly these arguments, and ends.
 */
import type { Client } from "@hsafa/client";
import type { DeviceTool, JsonObject, StartRunBody } from "@hsafa/protocol";
import { TESTED_CALL_TIMEOUT_MS } from "../../limits.ts";

/** The agent of all such runs. It never changes, so it has one version. */
const TESTER = {
  name: "console-tool-tester",
  description: "Calls one tool on one device, for the tool tester of the console",
  config: {
    name: "console-tool-tester",
    description: "Calls one tool on one device, for the tool tester of the console",
    model: "demo/script",
    tools: [],
    maxSteps: 2,
  },
};

/** Starts the run that makes the call, and returns its id. Rejects as the client does. */
export async function startTestedCall(
  client: Client,
  call: { readonly deviceKey: string; readonly tool: DeviceTool; readonly args: JsonObject },
): Promise<string> {
  const { versionId } = await client.agents.push(TESTER);
  const { runId } = await client.runs.start({ versionId, ...testedCallBody(call) });
  return runId;
}

/** What is sent to start it. */
export function testedCallBody(call: {
  readonly deviceKey: string;
  readonly tool: DeviceTool;
  readonly args: JsonObject;
}): StartRunBody {
  const { deviceKey, tool, args } = call;
  const { name, description, inputSchema } = tool;
  // The arguments go as a text: nothing in them is taken for a placeholder of the script.
  const script = [[{ call: name, rawArgs: JSON.stringify(args) }], [{ say: "The call is settled." }]];
  return {
    agent: TESTER.name,
    input: `Call ${name} on ${deviceKey}.`,
    instructions: `demo: ${JSON.stringify(script)}`,
    deviceKey,
    tools: [
      {
        name,
        ...(description === "" ? {} : { description }),
        inputSchema,
        target: "device",
        device: { select: "origin" },
        timeoutMs: TESTED_CALL_TIMEOUT_MS,
      },
    ],
    metadata: { console: "tool tester" },
  };
}
