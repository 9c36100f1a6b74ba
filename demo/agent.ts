import type { AgentConfigInput, JsonObject } from "@hsafa/protocol";
import { SCRIPTED_MODEL } from "./settings.ts";

export const QUESTION = "Which machine is my device, and what happens to your words while nobody listens?";

/** What the scripted model says after the device has answered. A real model uses its own words. */
const ANSWER =
  "Your device answered from a process of its own: {{result}} Now I go on, one word to an event, and each event has a position. " +
  "About here somebody destroys the watcher's socket. I do not notice: the run lives on the server, so I keep talking, and every word is kept. " +
  "The watcher comes back, says which position it saw last, and is told all that follows: first what it missed, then what comes. " +
  "A second watcher, who joined late, reads the very same. And when I fall silent, the log in the database holds exactly what both have seen.";

/** Pause before each delta, in ms: a person can follow, and a watcher misses something while it is away. */
const EVERY_MS = 25;

/** Returns the config of the demo's agent. Only the device with this key may execute its one tool. */
export function demoAgent(model: string, deviceKey: string): AgentConfigInput & JsonObject {
  const config: AgentConfigInput = {
    name: "demo",
    description: "Asks a device what it is, and then talks for a while",
    model,
    system:
      "Before you answer, call describe_machine once. Then answer in about 300 words of plain prose: tell what the tool said, and explain that every word of yours is an event that is kept.",
    tools: [
      {
        name: "describe_machine",
        description: "Tells what kind of machine the user's device is",
        inputSchema: {
          type: "object",
          properties: { detail: { type: "string", enum: ["short", "full"] } },
          required: ["detail"],
          additionalProperties: false,
        },
        target: "device",
        device: { key: deviceKey },
        timeoutMs: 20_000,
      },
    ],
    settings: model === SCRIPTED_MODEL ? { providerOptions: { demo: { script } } } : {},
  };
  return config as AgentConfigInput & JsonObject;
}

const script: JsonObject = {
  everyMs: EVERY_MS,
  steps: [
    [
      { think: "Only the device itself knows what it is. I shall ask it." },
      { say: "Let me ask your device." },
      { call: "describe_machine", args: { detail: "short" } },
    ],
    [{ say: ANSWER }],
  ],
};
