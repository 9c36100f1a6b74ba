import { defineAgent, defineTool } from "hsafa";

const searchNotes = defineTool({
  name: "search_notes",
  description: "Finds notes that contain all of the words",
  inputSchema: {
    type: "object",
    properties: { words: { type: "array", items: { type: "string" }, minItems: 1 } },
    required: ["words"],
    additionalProperties: false,
  },
  target: "device",
  // A second search does no harm, so a call whose result was lost may be executed again.
  repeatable: true,
});

const saveNote = defineTool({
  name: "save_note",
  description: "Saves a note",
  inputSchema: {
    type: "object",
    properties: { title: { type: "string", minLength: 1 }, text: { type: "string" } },
    required: ["title", "text"],
    additionalProperties: false,
  },
  target: "device",
  approval: "always",
});

/** An agent as a module, so that the compiler and your editor check it: npx hsafa push examples/researcher.ts. */
export default defineAgent({
  name: "researcher",
  description: "Reads notes on somebody's laptop, and asks before it writes any",
  model: "openai/gpt-5-mini",
  system: "Answer from the person's notes. Search before you answer; save a note only when asked to.",
  maxSteps: 12,
  tools: [searchNotes, saveNote],
});
