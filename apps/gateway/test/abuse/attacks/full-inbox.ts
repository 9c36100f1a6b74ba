import { type Attack, repeat } from "../attack.ts";

const MESSAGE_CHARACTERS = 1_000_000;

export const fullInbox: Attack = {
  name: "an inbox full of large messages",
  does: "sends messages of 1 MB to a run that waits for a tool",
  async run(client, signal) {
    await client.push("parked", {
      model: "demo/script",
      tools: [{ name: "wait", inputSchema: { type: "object" }, target: "external" }],
      settings: { providerOptions: { demo: { script: [[{ call: "wait", args: {} }], [{ say: "over" }]] } } },
    });
    const runId = await client.start("parked");
    const body = JSON.stringify({ message: "y".repeat(MESSAGE_CHARACTERS) });
    await repeat(3, signal, () => client.call("POST", `/api/runs/${runId ?? "none"}/messages`, body));
  },
};
