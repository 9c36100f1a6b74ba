import type { AgentConfigInput, Page, ToolCall } from "@hsafa/protocol";
import { externalTool, scriptedAgent } from "./scripted-agents.ts";

const LOOK_MS = 20;
const ASKED_MAX_MS = 60_000;

/**
 * An agent that speaks when it is told to (`beginSpeaking`). A page that takes long to open still sees it speak. Its
 * words are `word1 word2 …`.
 */
export function awaitedSpeaker(name: string, words: number, everyMs: number): AgentConfigInput {
  const script = [[{ call: "begin", args: {} }], [{ repeat: words, parts: [{ say: "word{{n}} ", everyMs }] }]];
  return scriptedAgent(name, script, { tools: externalTool("begin") });
}

/** Submits the result that an awaited speaker waits for. */
export async function beginSpeaking(
  { url, key }: { readonly url: string; readonly key: string },
  runId: string,
): Promise<void> {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const run = `${url}/api/runs/${runId}`;
  const deadline = performance.now() + ASKED_MAX_MS;
  while (performance.now() < deadline) {
    const response = await fetch(`${run}/tool-calls`, { headers });
    const { data } = (await response.json()) as Page<ToolCall>;
    const call = data.find(({ settledAt }) => settledAt === null);
    if (call !== undefined) {
      const body = JSON.stringify({ callId: call.id, result: "go" });
      const { status } = await fetch(`${run}/tool-results`, { method: "POST", headers, body });
      if (status !== 202) throw new Error(`the call was answered with ${status}`);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  throw new Error("the run has not asked");
}
