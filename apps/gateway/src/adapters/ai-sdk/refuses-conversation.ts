import type { ModelFailure } from "../../core/input.ts";

/** Words about the account, the model's settings or its tools. They say nothing about the messages. */
const ELSEWHERE = [
  /api.?key|credential|authenticat|credit|billing|payment|balance|quota|subscription|\blocation\b|\bregion\b|not enabled/i,
  /\b(temperature|top_?[pk]|max_(output_|completion_)?tokens|maxOutputTokens|stream_options|tool_choice|response_format)\b/i,
  /\b(reasoning[_.]?effort|budget_tokens|(presence|frequency)_penalty|stop_sequences?|parallel_tool_calls|generation_?config)\b/i,
  /\btools?[.[]\d|input_schema|function_declarations|schema for function|invalid schema|stream(ing)? is not/i,
];

/** A path into the messages: it counts more than the other words of the message. */
const IN_MESSAGES = /\b(messages|input|contents)(\[|\.)\d/i;

/** Words of moderation, which some servers put under 403. */
const MODERATION = /flagged|moderation|content.?(policy|filter)|content management policy/i;

/**
 * Whether a failure is a refusal of the conversation, by what the provider said. Such a conversation will be refused
 * again. A wrong key, an unknown model, a rate limit or a fault of the server is no such refusal.
 */
export function refusesConversation({ kind, message }: ModelFailure): boolean {
  if (MODERATION.test(message)) return kind === "bad_request" || kind === "unauthorized";
  if (kind !== "bad_request") return false;
  return IN_MESSAGES.test(message) || !ELSEWHERE.some((words) => words.test(message));
}
