import { type Attack, repeat } from "../attack.ts";

/** Each definition names the next one twice, so a naive check does 2^30 times the work. */
const DOUBLINGS = 30;

function doublingSchema(): object {
  const definitions: Record<string, object> = { end: { type: "object" } };
  for (let index = 0; index < DOUBLINGS; index += 1) {
    const next = { $ref: `#/$defs/${index === DOUBLINGS - 1 ? "end" : `d${index + 1}`}` };
    definitions[`d${index}`] = { allOf: [next, next] };
  }
  return { type: "object", $ref: "#/$defs/d0", $defs: definitions };
}

/** Many items that differ only in their last part, compared in pairs. */
const UNIQUE_ITEMS = 3000;

export const checkedSchemas: Attack = {
  name: "schemas that are slow to check",
  does: "a model calls tools whose schemas ask for exponential and quadratic work",
  async run(client, signal) {
    const script = (args: object): object => [[{ repeat: 6, parts: [{ call: "t", args }] }], [{ say: "over" }]];
    const agentOf = (inputSchema: object, args: object): object => ({
      model: "demo/script",
      tools: [{ name: "t", inputSchema, target: "external" }],
      settings: { providerOptions: { demo: { script: script(args) } } },
    });
    await client.push("doubling", agentOf(doublingSchema(), {}));
    const rows = Array.from({ length: UNIQUE_ITEMS }, (_, index) => ({ same: "x".repeat(20), index }));
    const unique = { type: "object", properties: { rows: { type: "array", uniqueItems: true } } };
    await client.push("unique", agentOf(unique, { rows }));
    const backtracking = { type: "object", properties: { text: { type: "string", pattern: "^(a+)+$" } } };
    await client.push("backtracking", agentOf(backtracking, { text: `${"a".repeat(40_000)}!` }));
    const agents = ["doubling", "unique", "backtracking"];
    let turn = 0;
    await repeat(2, signal, async () => {
      turn += 1;
      await client.start(agents[turn % agents.length] ?? "unique");
      await new Promise((resolve) => setTimeout(resolve, 50));
    });
  },
};
