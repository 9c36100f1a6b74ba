import { type Attack, repeat } from "../attack.ts";

const ITEMS = 40_000;

export const largeObjects: Attack = {
  name: "large objects as answers",
  does: "models say objects of 400 kB in small pieces, which a schema of the run checks",
  async run(client, signal) {
    const object = { items: Array.from({ length: ITEMS }, (_, index) => `i${index}`) };
    const script = { steps: [[{ object }]], chunk: 16, everyMs: 0 };
    await client.push("planner", { model: "demo/script", settings: { providerOptions: { demo: { script } } } });
    const outputSchema = {
      type: "object",
      properties: { items: { type: "array", items: { type: "string", pattern: "^i[0-9]+$" }, uniqueItems: true } },
      required: ["items"],
    };
    await repeat(2, signal, async () => {
      await client.start("planner", { outputSchema });
      await new Promise((resolve) => setTimeout(resolve, 200));
    });
  },
};
