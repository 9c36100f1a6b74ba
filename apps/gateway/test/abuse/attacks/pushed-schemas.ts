import { type Attack, repeat } from "../attack.ts";

const TOOLS = 128;
const PATTERNS_PER_TOOL = 60;

export const pushedSchemas: Attack = {
  name: "schemas that are slow to compile",
  does: "pushes 128 tools with 60 patterns each, again and again",
  async run(client, signal) {
    let pushed = 0;
    await repeat(2, signal, () => {
      pushed += 1;
      const properties = Object.fromEntries(
        Array.from({ length: PATTERNS_PER_TOOL }, (_, index) => [
          `p${index}`,
          { type: "string", pattern: `[\\p{L}\\p{N}${index}]{1,900}` },
        ]),
      );
      const tools = Array.from({ length: TOOLS }, (_, index) => ({
        name: `t${index}`,
        target: "external",
        inputSchema: { type: "object", title: `${pushed} ${index}`, properties },
      }));
      return client.push("many-patterns", { model: "demo/hello", tools });
    });
  },
};
