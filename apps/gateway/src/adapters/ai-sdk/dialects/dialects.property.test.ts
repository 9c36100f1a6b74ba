/**
 * Whatever happened in a thread, the request for its next step keeps the provider's rules. It is looked at on the
 * wire, after the provider's package has had its say.
 */
import type { Message, ModelSettings, ProviderTool } from "@hsafa/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyConversation, signatureOf } from "../../../../test/support/any-conversation.ts";
import { stepper } from "../../../../test/support/played-step.ts";
import { anthropicRules } from "../../../../test/support/provider-rules/anthropic-rules.ts";
import {
  chatRules,
  deepseekRules,
  geminiChatRules,
  groqRules,
  mistralRules,
} from "../../../../test/support/provider-rules/chat-rules.ts";
import { googleRules } from "../../../../test/support/provider-rules/google-rules.ts";
import { responsesRules, xaiRules } from "../../../../test/support/provider-rules/responses-rules.ts";
import { type Json, type Rules } from "../../../../test/support/provider-rules/rule-book.ts";
import { splitModelName } from "../providers.ts";
import { accountOf, type Origin } from "./origin.ts";

const ACCESS = { baseUrl: "http://127.0.0.1:9", apiKey: "key-of-this-account" };

const tool = { name: "look", description: "half \ud83d", inputSchema: { type: "object" } };

interface Listening {
  readonly rules: Rules;
  readonly settings?: ModelSettings;
  readonly hasTools?: boolean;
  readonly providerTools?: readonly ProviderTool[];
}

const thinking = { providerOptions: { anthropic: { thinking: { type: "enabled", budgetTokens: 1024 } } } };

const LISTENERS: Readonly<Record<string, readonly Listening[]>> = {
  "anthropic/claude-fake": [
    { rules: anthropicRules },
    { rules: anthropicRules, hasTools: false },
    { rules: anthropicRules, settings: thinking },
    { rules: anthropicRules, providerTools: [{ id: "anthropic.web_search_20250305" }] },
  ],
  "openai/gpt-5-fake": [
    { rules: responsesRules },
    { rules: responsesRules, hasTools: false },
    { rules: responsesRules, providerTools: [{ id: "openai.web_search" }] },
  ],
  "openai/gpt-4o": [{ rules: responsesRules }],
  "xai/grok-fake": [{ rules: xaiRules }],
  "google/gemini-2.5-fake": [{ rules: googleRules({ signsCalls: false }) }],
  "google/gemini-3-fake": [
    { rules: googleRules({ signsCalls: true }) },
    { rules: googleRules({ signsCalls: true }), hasTools: false },
  ],
  "openai-compatible/fake-1": [{ rules: chatRules }, { rules: chatRules, hasTools: false }],
  "openai-compatible/mistral-large-latest": [{ rules: mistralRules }],
  "openai-compatible/deepseek-reasoner": [{ rules: deepseekRules }],
  "openai-compatible/gemini-3-fake": [{ rules: geminiChatRules }],
  "openai-compatible/openai/gpt-oss-120b": [
    { rules: groqRules, settings: { providerOptions: { hsafa: { dialect: "groq" } } } },
  ],
};

/** The models of a thread: those above, and one of them behind another account. */
const ORIGINS: readonly Origin[] = [
  ...Object.keys(LISTENERS).map((model) => originOf(model, ACCESS.apiKey)),
  originOf("anthropic/claude-fake", "key-of-another-account"),
  originOf("openai/gpt-5-fake", "key-of-another-account"),
];

function originOf(model: string, apiKey: string): Origin {
  return { provider: splitModelName(model).provider, model, account: accountOf({ ...ACCESS, apiKey }) };
}

describe.each(Object.entries(LISTENERS))("%s", (model, listenings) => {
  test.each(listenings)(
    "takes whatever happened in a thread",
    { timeout: 60_000 },
    async ({ rules, settings, hasTools = true, providerTools = [] }) => {
      const bodies: string[] = [];
      const step = stepper({
        openai: ACCESS,
        anthropic: ACCESS,
        google: ACCESS,
        xai: ACCESS,
        openaiCompatible: ACCESS,
        fetch: (_url, init) => {
          if (typeof init?.body === "string") bodies.push(init.body);
          return Promise.resolve(new Response("{}", { status: 418 }));
        },
      });
      const own = signatureOf(originOf(model, ACCESS.apiKey));
      const faultOf = async (messages: Message[]): Promise<string | null> => {
        bodies.length = 0;
        const { outcome } = await step(model, {
          messages,
          settings: settings ?? {},
          system: " ",
          tools: hasTools ? [tool] : [],
          providerTools,
        });
        const [text] = bodies;
        if (text === undefined) return `no request: ${JSON.stringify(outcome)}`;
        const lost = userTextsOf(messages).find((said) => !text.includes(JSON.stringify(said).slice(1, -1)));
        if (lost !== undefined) return `the user's words are lost: ${JSON.stringify(lost)}`;
        return rules({ text, body: JSON.parse(text) as Json }, { isOwn: (signature) => signature === own });
      };
      await fc.assert(
        fc.asyncProperty(anyConversation(ORIGINS), async (messages) => {
          expect(await faultOf(messages)).toBeNull();
        }),
        { numRuns: 200 },
      );
    },
  );
});

function userTextsOf(messages: readonly Message[]): string[] {
  return messages
    .flatMap((message) => (message.role === "user" ? [message.content].flat() : []))
    .flatMap((part) => (typeof part === "string" ? [part] : part.type === "text" ? [part.text] : []))
    .filter((said) => said.trim() !== "")
    .map((said) => said.toWellFormed());
}
