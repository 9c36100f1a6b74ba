/** Chat completions: what all servers demand, and what some of them demand beyond it. */
import { isBlank, isObject, type Json, list, record, refuse, type Rules, rulesOf } from "./rule-book.ts";

/** The mark that Google documents for calls of other models. */
const UNSIGNED = "skip_thought_signature_validator";

/** OpenAI, and the strict templates behind vLLM and llama.cpp: Mistral's, Gemma's. */
export const chatRules: Rules = rulesOf(({ body }, { isOwn }) => {
  const messages = checkMessages(body, { idPattern: /^.{1,40}$/ });
  checkTurns(messages);
  checkFields(messages, ["extra_content"], "Unrecognized field");
  for (const call of messages.flatMap((message) => list(message.tool_calls))) {
    const signature = signatureOf(call);
    if ("extra_content" in call && !isOwn(String(signature))) refuse("Unrecognized field: tool_calls.extra_content");
  }
});

/** Groq, with a model that reads text alone. */
export const groqRules: Rules = rulesOf(({ body }) => {
  const messages = checkMessages(body, { idPattern: /^.{1,64}$/ });
  messages.forEach((message, at) => {
    for (const field of ["reasoning_content", "reasoning", "extra_content"]) {
      if (field in message) {
        refuse(
          `'messages.${at}' : for 'role:${String(message.role)}' the following must be satisfied[('messages.${at}' : property '${field}' is unsupported)]`,
        );
      }
    }
    if (typeof message.content !== "string" && message.content !== null)
      refuse(`'messages.${at}.content' : value must be a string`);
  });
  checkFields(messages, [], "property is unsupported");
});

/** Mistral. */
export const mistralRules: Rules = rulesOf(({ body }) => {
  const idMessage = (id: string) => `Tool call id was ${id} but must be a-z, A-Z, 0-9, with a length of 9.`;
  const messages = checkMessages(body, { idPattern: /^[a-zA-Z0-9]{9}$/, idMessage });
  checkFields(messages, [], "Extra inputs are not permitted");
  const spoken = messages.filter((message) => message.role !== "system");
  spoken.forEach((message, at) => {
    const before = spoken[at - 1]?.role;
    if (before === "tool" && message.role === "user") refuse("Unexpected role 'user' after role 'tool'");
    if (before === "user" && message.role === "tool") refuse("Unexpected role 'tool' after role 'user'");
  });
  const last = messages.at(-1)?.role;
  if (last !== "user" && last !== "tool") {
    refuse("Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant");
  }
});

/** DeepSeek with a model that thinks. */
export const deepseekRules: Rules = rulesOf(({ body }) => {
  const messages = checkMessages(body, { idPattern: /^.{1,64}$/ });
  checkFields(messages, ["reasoning_content"], "unknown field");
  messages.forEach((message, at) => {
    const calls = list(message.tool_calls).length > 0;
    if (calls && isBlank(message.reasoning_content)) {
      refuse(`Missing \`reasoning_content\` field in the assistant message at message index ${at}.`);
    }
    if (!calls && "reasoning_content" in message) refuse("reasoning_content is not allowed in input messages");
    if (at > 0 && message.role === messages[at - 1]?.role && message.role !== "tool") {
      refuse("deepseek-reasoner does not support successive user or assistant messages");
    }
    if (Array.isArray(message.content))
      refuse("Failed to deserialize the JSON body: unknown variant `image_url`, expected `text`");
  });
  if (messages.at(-1)?.role === "assistant") refuse("The last message of deepseek-reasoner must be a user message");
});

/** Gemini 3 behind chat completions. */
export const geminiChatRules: Rules = rulesOf(({ body }, { isOwn }) => {
  const messages = checkMessages(body, { idPattern: /^.{1,64}$/ });
  checkTurns(messages);
  checkFields(messages, ["extra_content"], "Unknown name");
  for (const message of messages) {
    const calls = list(message.tool_calls);
    calls.forEach((call, index) => {
      const signature = signatureOf(call);
      if (index === 0 && typeof signature !== "string") {
        refuse("Function call is missing a thought_signature in functionCall parts.");
      }
      if (typeof signature === "string" && signature !== UNSIGNED && !isOwn(signature))
        refuse("Corrupted thought signature.");
    });
  }
});

/** OpenRouter. It takes back the details of reasoning that it gave, whole, for the model that it gave them for. */
export const openrouterRules: Rules = rulesOf(({ body }, { isOwn }) => {
  const messages = checkMessages(body, { idPattern: /^.{1,64}$/ });
  checkFields(messages, ["reasoning_details", "extra_content"], "Unrecognized key");
  for (const detail of messages.flatMap((message) => list(message.reasoning_details))) {
    const seal = detail.type === "reasoning.encrypted" ? detail.data : detail.signature;
    if (!isOwn(String(seal))) refuse("Invalid `signature` in `reasoning_details`");
  }
});

function signatureOf(call: Json): unknown {
  return record(record(call.extra_content).google).thought_signature;
}

interface IdRule {
  readonly idPattern: RegExp;
  readonly idMessage?: (id: string) => string;
}

function checkMessages(body: Json, { idPattern, idMessage }: IdRule): Json[] {
  const messages = list(body.messages);
  if (!messages.some((message) => message.role === "user")) refuse("messages: at least one user message is required");
  const ids = new Set<string>();
  messages.forEach((message, at) => {
    const calls = list(message.tool_calls);
    checkContent(message, calls, at);
    for (const { id, function: called } of calls) {
      const callId = String(id);
      if (!idPattern.test(callId))
        refuse(idMessage?.(callId) ?? `Invalid 'messages[${at}].tool_calls[0].id': string too long.`);
      if (ids.has(callId)) refuse(`Duplicate value for 'tool_call_id' of ${callId} in message[${at}]`);
      ids.add(callId);
      const { name, arguments: given } = record(called);
      if (!/^[a-zA-Z0-9_-]{1,64}$/.test(String(name)))
        refuse(`Invalid 'messages[${at}].tool_calls[0].function.name': string does not match pattern.`);
      if (!isJsonObject(given)) refuse(`messages[${at}]: function arguments must be a JSON object`);
    }
    const results = messages.slice(at + 1, at + 1 + calls.length);
    const isAnswered = calls.every(({ id }) =>
      results.some((result) => result.role === "tool" && result.tool_call_id === id),
    );
    if (!isAnswered) {
      refuse(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'.",
      );
    }
    if (message.role === "tool" && !ids.has(String(message.tool_call_id))) {
      refuse("messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.");
    }
  });
  const results = messages.filter((message) => message.role === "tool");
  if (results.length !== ids.size) refuse("Not the same number of function calls and responses");
  return messages;
}

function checkContent(message: Json, calls: readonly Json[], at: number): void {
  const { content, role } = message;
  if (Array.isArray(content)) {
    for (const part of list(content))
      if (part.type === "text" && isBlank(part.text)) refuse(`messages[${at}].content: empty text`);
    if (list(content).every((part) => part.type === "text"))
      refuse(`messages[${at}].content: invalid type: sequence, expected a string`);
    return;
  }
  if (isBlank(content) && calls.length === 0) {
    refuse(`messages[${at}]: ${String(role)} message must have either content or tool_calls, but not none`);
  }
}

/** Mistral's and Gemma's templates: user and model take turns; calls and their results do not count. */
function checkTurns(messages: readonly Json[]): void {
  const counted = messages.filter(
    (message) => message.role !== "system" && message.role !== "tool" && list(message.tool_calls).length === 0,
  );
  counted.forEach((message, at) => {
    if (message.role !== (at % 2 === 0 ? "user" : "assistant")) {
      refuse("After the optional system message, conversation roles must alternate user/assistant/user/assistant/...");
    }
  });
  if (messages.at(-1)?.role === "assistant") refuse("Cannot continue from an assistant message.");
}

function checkFields(messages: readonly Json[], more: readonly string[], says: string): void {
  const known = new Set(["role", "content", "tool_calls", "tool_call_id", "name", ...more]);
  for (const message of messages) {
    const unknown = Object.keys(message).find((field) => !known.has(field));
    if (unknown !== undefined) refuse(`${says}: ${unknown}`);
    const called = new Set(["id", "type", "function", ...more]);
    const field = list(message.tool_calls)
      .flatMap(Object.keys)
      .find((name) => !called.has(name));
    if (field !== undefined) refuse(`${says}: tool_calls.${field}`);
  }
}

function isJsonObject(text: unknown): boolean {
  try {
    return isObject(JSON.parse(String(text)));
  } catch {
    return false;
  }
}
