import { expect, test } from "vitest";
import type { ModelFailureKind } from "../../core/input.ts";
import { refusesConversation } from "./refuses-conversation.ts";

const refused = (message: string, kind: ModelFailureKind = "bad_request") =>
  refusesConversation({ kind, message, retryAfterMs: null });

test.each([
  "openai-compatible answered 400: Could not process image",
  "anthropic answered 400: messages.2: all messages must have non-empty content",
  "anthropic answered 400: messages.1.content.0: Invalid `signature` in `thinking` block",
  "openai answered 400: The encrypted content for item rs_1 could not be verified.",
  "openai-compatible answered 400: After the optional system message, conversation roles must alternate",
  "openai answered 400: Invalid prompt: your prompt was flagged as potentially violating our usage policy",
  "openai-compatible answered 400: The response was filtered due to Azure OpenAI's content management policy.",
  "google cannot be asked this: 'media type: application/zip' functionality not supported.",
])("'%s' is about the messages", (message) => {
  expect(refused(message)).toBe(true);
});

test("a server that moderates under 403 refuses the messages", () => {
  expect(refused("openai-compatible answered 403: Your input was flagged. Check KEY.", "unauthorized")).toBe(true);
});

test.each([
  ["google answered 400: API key not valid. Please pass a valid API key.", "bad_request"],
  ["anthropic answered 400: Your credit balance is too low to access the Anthropic API.", "bad_request"],
  ["google answered 400: User location is not supported for the API use.", "bad_request"],
  ["openai answered 400: Unsupported parameter: 'temperature' is not supported with this model.", "bad_request"],
  ["anthropic answered 400: max_tokens: 100000 > 8192, which is the maximum allowed", "bad_request"],
  ["openai answered 400: Invalid schema for function 'look': type must be object", "bad_request"],
  ["anthropic answered 400: tools.0.custom.input_schema.type: Input should be 'object'", "bad_request"],
  ["openai-compatible answered 400: Unrecognized request argument supplied: stream_options", "bad_request"],
  ["openai answered 401: Incorrect API key provided", "unauthorized"],
  ["openai answered 404: The model 'x' does not exist", "unknown_model"],
  ["openai answered 429 (too many requests)", "rate_limited"],
  ["anthropic answered 529: Overloaded", "overloaded"],
  ["the connection was cut", "network"],
] as const)("'%s' says nothing about the messages", (message, kind) => {
  expect(refused(message, kind)).toBe(false);
});
