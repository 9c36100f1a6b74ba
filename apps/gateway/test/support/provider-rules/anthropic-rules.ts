import { isBase64, isBlank, isObject, type Json, list, record, refuse, type Rules, rulesOf } from "./rule-book.ts";

/** Anthropic's messages. */
export const anthropicRules: Rules = rulesOf(({ body }, { isOwn }) => {
  const messages = list(body.messages);
  for (const block of list(body.system))
    if (isBlank(block.text)) refuse("system: text content blocks must be non-empty");
  if (messages.length === 0) refuse("messages: at least one message is required");
  if (messages[0]?.role !== "user") refuse('messages: first message must use the "user" role');
  if (messages.at(-1)?.role !== "user") {
    refuse("This model does not support assistant message prefill. The conversation must end with a user message.");
  }
  const ids = new Set<string>();
  messages.forEach((message, at) => {
    if (at > 0 && message.role === messages[at - 1]?.role) {
      refuse('messages: roles must alternate between "user" and "assistant", but found multiple in a row');
    }
    const blocks = list(message.content);
    if (blocks.length === 0) refuse(`messages.${at}: all messages must have non-empty content`);
    for (const block of blocks) checkBlock(block, String(message.role), `messages.${at}`, isOwn);
    checkSearches(blocks, list(body.tools), isOwn);
    checkCalls(blocks, list(messages[at + 1]?.content), at, ids);
    checkResults(blocks, list(messages[at - 1]?.content), at);
  });
  const usesTools = messages.some((message) =>
    list(message.content).some((block) => String(block.type).startsWith("tool_")),
  );
  if (usesTools && list(body.tools).length === 0) {
    refuse("Requests which include `tool_use` or `tool_result` blocks must define `tools`.");
  }
  if (record(body.thinking).type === "enabled") checkThinking(messages);
});

/** A search has its own result directly behind it, and the request still has the tool. */
function checkSearches(blocks: readonly Json[], tools: readonly Json[], isOwn: (signature: string) => boolean): void {
  blocks.forEach((block, at) => {
    const type = String(block.type);
    if (type === "server_tool_use") {
      const next = blocks[at + 1];
      if (next?.type !== "web_search_tool_result" || next.tool_use_id !== block.id)
        refuse("`web_search` tool use was found without a corresponding `web_search_tool_result` block");
      if (!tools.some((tool) => String(tool.type).startsWith("web_search"))) refuse("web_search is not among `tools`");
    }
    if (type !== "web_search_tool_result") return;
    if (blocks[at - 1]?.type !== "server_tool_use") refuse("a result has no `server_tool_use` before it");
    for (const found of list(block.content)) {
      if (!isOwn(String(found.encrypted_content))) refuse("Invalid `encrypted_content` in `search_result` block");
    }
  });
}

/** The last turn of the model, with all its calls and their results, begins with thinking if it has calls. */
function checkThinking(messages: readonly Json[]): void {
  let start = messages.findLastIndex((message) => message.role === "assistant");
  const isLoop = (at: number) => list(messages[at]?.content).every((block) => block.type === "tool_result");
  while (start >= 2 && isLoop(start - 1)) start -= 2;
  if (start < 0) return;
  const calls = messages
    .slice(start)
    .some((message) => list(message.content).some((block) => block.type === "tool_use"));
  const [first] = list(messages[start]?.content);
  if (calls && !String(first?.type).endsWith("thinking")) {
    refuse(`Expected \`thinking\` or \`redacted_thinking\`, but found \`${String(first?.type)}\`.`);
  }
}

const OF_ROLE: Readonly<Record<string, RegExp>> = {
  user: /^(text|image|document|tool_result)$/,
  assistant: /^(text|thinking|redacted_thinking|tool_use|server_tool_use|web_search_tool_result)$/,
};

function checkBlock(block: Json, role: string, path: string, isOwn: (signature: string) => boolean): void {
  const type = String(block.type);
  if (OF_ROLE[role]?.test(type) !== true) refuse(`${path}: block of type '${type}' is not allowed for role '${role}'`);
  if (type === "text" && isBlank(block.text)) refuse(`${path}: text content blocks must contain non-whitespace text`);
  if (type === "thinking" && !isOwn(String(block.signature)))
    refuse(`${path}: Invalid \`signature\` in \`thinking\` block`);
  if (type === "redacted_thinking" && !isOwn(String(block.data)))
    refuse(`${path}: Invalid \`data\` in \`redacted_thinking\``);
  if (type === "image" || type === "document") checkSource(type, record(block.source), path);
}

function checkSource(type: string, source: Json, path: string): void {
  if (source.type === "url") return;
  if (source.type === "text") return;
  const types = type === "image" ? /^image\/(jpeg|jpg|png|gif|webp)$/ : /^application\/pdf$/;
  if (!types.test(String(source.media_type)))
    refuse(`${path}: source.base64.media_type: Input should be 'image/jpeg', …`);
  if (!isBase64(source.data)) refuse(`${path}: source.base64: invalid base64 data`);
}

function checkCalls(blocks: readonly Json[], next: readonly Json[], at: number, ids: Set<string>): void {
  const calls = blocks.filter((block) => block.type === "tool_use");
  const firstCall = blocks.findIndex((block) => block.type === "tool_use");
  if (firstCall >= 0 && blocks.slice(firstCall).some((block) => block.type === "text")) {
    refuse(`messages.${at}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after`);
  }
  calls.forEach((call, index) => {
    const id = String(call.id);
    if (!/^[a-zA-Z0-9_-]+$/.test(id))
      refuse(`messages.${at}: tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'`);
    if (ids.has(id)) refuse(`messages.${at}: \`tool_use\` ids must be unique`);
    ids.add(id);
    if (!/^[a-zA-Z0-9_-]{1,64}$/.test(String(call.name)))
      refuse(`messages.${at}: tool_use.name: String should match pattern`);
    if (!isObject(call.input)) refuse(`messages.${at}: tool_use.input: Input should be a valid dictionary`);
    if (
      !next.some((block) => block.type === "tool_result" && block.tool_use_id === id) ||
      next[index]?.type !== "tool_result"
    ) {
      refuse(`messages.${at + 1}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${id}`);
    }
  });
}

function checkResults(blocks: readonly Json[], before: readonly Json[], at: number): void {
  const results = blocks.filter((block) => block.type === "tool_result");
  const seen = new Set(results.map((result) => result.tool_use_id));
  if (seen.size !== results.length) refuse(`messages.${at}: each tool_use must have a single result`);
  for (const { tool_use_id: id } of results) {
    if (!before.some((block) => block.type === "tool_use" && block.id === id)) {
      refuse(`messages.${at}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${String(id)}`);
    }
  }
}
