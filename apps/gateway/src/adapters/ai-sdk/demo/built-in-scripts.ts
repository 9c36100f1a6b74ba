import { createHash } from "node:crypto";
import type { DemoConversation, DemoFile } from "./demo-conversation.ts";
import type { DemoPart, DemoScript } from "./demo-script.ts";
import { DEMO_ARGUMENTS_CHUNK_CHARACTERS, DEMO_COUNT_DEFAULT, DEMO_READABLE_MS, DEMO_REPEAT_MAX } from "../limits.ts";

type BuiltIn = (conversation: DemoConversation) => Pick<DemoScript, "steps"> & Partial<DemoScript>;

/** The scripts that exist by name, `demo/<name>`. */
export const BUILT_IN_SCRIPTS: Readonly<Record<string, BuiltIn>> = {
  /** Reasons, then greets. */
  hello: () => ({
    everyMs: DEMO_READABLE_MS,
    steps: [
      [
        { think: "Somebody says hello. I am a script, but a polite one: a short greeting and a word on what I am." },
        {
          say:
            "Hello! I am hsafa's demo model. I need no key and no network, and I say the same every time. " +
            "While you read this, every word is an event with a position of its own: close the page, come back, " +
            "and you will miss none of them. Give me a tool, and name the model demo/tools, to see me use it.",
        },
      ],
    ],
  }),

  /** Repeats what the user said. */
  echo: ({ user }) => ({ everyMs: DEMO_READABLE_MS, steps: [[{ say: user === "" ? "(nothing)" : user }]] }),

  /** Calls the agent's first two tools at once, then tells what they answered. */
  tools: ({ tools, results }) => ({ everyMs: DEMO_READABLE_MS, steps: [askTools(tools), tellResults(results)] }),

  /** Says the JSON of an object that fits the output schema. */
  object: () => ({ everyMs: DEMO_READABLE_MS, steps: [[{ object: true, chunk: DEMO_ARGUMENTS_CHUNK_CHARACTERS }]] }),

  /** Says which files it received: the name, the type, the size and the SHA-256 of each. */
  files: ({ files }) => ({
    everyMs: DEMO_READABLE_MS,
    steps: [[{ say: files.length === 0 ? "I received no file." : files.map(tellFile).join("\n") }]],
  }),

  /** Counts to the number in the user's message. */
  count: ({ user }) => {
    const upTo = Math.min(Number(/\d+/.exec(user)?.[0] ?? DEMO_COUNT_DEFAULT), DEMO_REPEAT_MAX);
    return { everyMs: DEMO_READABLE_MS, steps: [[{ repeat: upTo, parts: [{ say: "{{n}} " }] }, { say: "done." }]] };
  },

  /** Is overloaded twice, then answers. */
  flaky: () => ({
    everyMs: DEMO_READABLE_MS,
    steps: [
      [{ fail: { status: 503, message: "the demo model is overloaded" }, times: 2 }, { say: "Third time lucky." }],
    ],
  }),
};

function tellFile({ name, mediaType, bytes }: DemoFile): string {
  if (bytes === null) return `${name}: ${mediaType}, at an address that I cannot read.`;
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return `${name}: ${mediaType}, ${bytes.length} bytes, SHA-256 ${sha256}`;
}

function askTools(tools: DemoConversation["tools"]): DemoPart[] {
  const chosen = tools.slice(0, 2).map((tool) => tool.name);
  if (chosen.length === 0) return [{ say: "I have no tools. Give the agent one and ask me again." }];
  return [
    { think: `I have ${tools.length} tool${tools.length === 1 ? "" : "s"}. I shall try ${chosen.join(" and ")}.` },
    { say: `Let me ask ${chosen.join(" and ")}.` },
    ...chosen.map((call) => ({ call })),
  ];
}

function tellResults(results: DemoConversation["results"]): DemoPart[] {
  return results.map(({ toolName, text }) => ({ say: `${toolName} answered: ${text.slice(0, 500)}\n` }));
}
