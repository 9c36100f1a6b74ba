import { type Attack, repeat } from "../attack.ts";

const CHILDREN = 16;

export const families: Attack = {
  name: "runs that start runs",
  does: "starts runs that each give 16 calls to an agent, which gives calls to another one",
  async run(client, signal) {
    await client.push("grandchild", { model: "demo/echo" });
    await pushAsker(client, "child", "grandchild", 1);
    await pushAsker(client, "parent", "child", CHILDREN);
    await repeat(4, signal, () => client.start("parent"));
  },
};

/** An agent that asks another one so many times at once. */
async function pushAsker(client: Parameters<Attack["run"]>[0], name: string, agent: string, calls: number) {
  const ask = { call: "ask", args: { input: "go on" } };
  const script = [Array.from({ length: calls }, () => ask), [{ say: "over" }]];
  await client.push(name, {
    model: "demo/script",
    settings: { providerOptions: { demo: { script } } },
    tools: [{ name: "ask", server: { type: "agent", agent } }],
  });
}
