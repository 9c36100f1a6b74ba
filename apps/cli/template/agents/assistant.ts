import { defineAgent, defineTool } from "hsafa";

const getTime = defineTool({
  name: "get_time",
  description: "The date and time where the device is",
  inputSchema: { type: "object", properties: {}, additionalProperties: false },
  target: "device",
  repeatable: true,
});

const rollDice = defineTool({
  name: "roll_dice",
  description: "Rolls dice, and returns the points of each",
  inputSchema: {
    type: "object",
    properties: { count: { type: "integer", minimum: 1, maximum: 10 } },
    required: ["count"],
    additionalProperties: false,
  },
  target: "device",
  repeatable: true,
});

// `demo/tools` needs no key: it calls both tools, and tells the results. For a real model, put its key into .env, and
// write for example "openai/gpt-5-mini" here. A save is enough.
export default defineAgent({
  name: "assistant",
  model: "demo/tools",
  system: "You help with what the person's own machine knows.",
  tools: [getTime, rollDice],
});
