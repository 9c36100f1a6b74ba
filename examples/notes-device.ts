import type { DeviceTool } from "@hsafa/client";

/**
 * Tools for a device: npx hsafa device --tools examples/notes-device.ts. The notes live as long as the command. A real
 * device would keep them.
 */
const notes = new Map([
  ["Groceries", "Coffee, lemons, and the good olive oil."],
  ["Garden", "The lemon tree wants water twice a week."],
]);

const tools: Record<string, DeviceTool> = {
  search_notes: {
    description: "Finds notes that contain all of the words",
    inputSchema: {
      type: "object",
      properties: { words: { type: "array", items: { type: "string" }, minItems: 1 } },
      required: ["words"],
      additionalProperties: false,
    },
    execute(args) {
      const words = (args as { words: string[] }).words.map((word) => word.toLowerCase());
      const found = [...notes].filter(([title, text]) =>
        words.every((word) => `${title} ${text}`.toLowerCase().includes(word)),
      );
      return found.map(([title, text]) => ({ title, text }));
    },
  },

  save_note: {
    description: "Saves a note",
    inputSchema: {
      type: "object",
      properties: { title: { type: "string", minLength: 1 }, text: { type: "string" } },
      required: ["title", "text"],
      additionalProperties: false,
    },
    execute(args) {
      const { title, text } = args as { title: string; text: string };
      // The model gets the message of an error that a tool throws.
      if (notes.has(title)) throw new Error(`There is a note '${title}' already; choose another title.`);
      notes.set(title, text);
      return { saved: title, notes: notes.size };
    },
  },
};

export default tools;
