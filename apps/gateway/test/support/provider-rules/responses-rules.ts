import { isBlank, type Json, list, refuse, type Rules, rulesOf } from "./rule-book.ts";

/** OpenAI's responses, of an account for which OpenAI keeps no items. */
export const responsesRules: Rules = rulesOf(({ body }, { isOwn }) => {
  const input = list(body.input);
  if (!input.some((item) => item.role === "user")) refuse("Invalid 'input': expected a user message");
  const calls = new Set<string>();
  const answered = new Set<string>();
  input.forEach((item, at) => {
    const path = `input[${at}]`;
    if (item.type === "item_reference") refuse(`Item with id '${String(item.id)}' not found.`);
    if (item.type === "web_search_call" && list(body.tools).every((tool) => tool.type !== "web_search"))
      refuse(`Invalid '${path}': the request has no tool 'web_search'`);
    // A search is sent whole, and needs its id all the same.
    if (typeof item.id === "string" && item.type !== "web_search_call")
      refuse(`Item with id '${item.id}' not found. Items are not persisted when \`store\` is set to false.`);
    if (item.type === "reasoning") checkReasoning(item, input[at + 1], isOwn);
    if (item.type === "function_call") {
      const callId = String(item.call_id);
      if (callId.length > 64 || callId === "") refuse(`Invalid '${path}.call_id': string too long`);
      if (calls.has(callId)) refuse(`Duplicate item found with call_id ${callId}.`);
      calls.add(callId);
      if (!/^[a-zA-Z0-9_-]{1,64}$/.test(String(item.name)))
        refuse(`Invalid '${path}.name': string does not match pattern.`);
      if (!isJsonObject(item.arguments)) refuse(`Invalid '${path}.arguments': not a JSON object`);
      const isAnswered = input
        .slice(at)
        .some((other) => other.type === "function_call_output" && other.call_id === callId);
      if (!isAnswered) refuse(`No tool output found for function call ${callId}.`);
    }
    if (item.type === "function_call_output") {
      const callId = String(item.call_id);
      if (!calls.has(callId)) refuse(`No tool call found for function call output with call_id ${callId}.`);
      if (answered.has(callId)) refuse(`Duplicate output for function call ${callId}.`);
      answered.add(callId);
    }
    if (item.role === "assistant" && isBlank(item.content)) refuse(`Invalid '${path}.content': empty`);
    if (item.role === "user") for (const part of list(item.content)) checkPart(part, path);
  });
});

/** xAI's responses. It takes ids of its own reasoning, and names of calls as it gave them. */
export const xaiRules: Rules = rulesOf(({ body }, { isOwn }) => {
  const input = list(body.input);
  input.forEach((item, at) => {
    if (item.type === "reasoning") checkReasoning(item, input[at + 1], isOwn);
    if (item.role === "assistant" && isBlank(item.content)) refuse("Content must not be empty");
    const outputs = input.filter((other) => other.type === "function_call_output" && other.call_id === item.call_id);
    const calls = input.filter((other) => other.type === "function_call" && other.call_id === item.call_id);
    if (item.call_id !== undefined && (outputs.length !== 1 || calls.length !== 1)) {
      refuse("Each function_call must have exactly one function_call_output");
    }
  });
});

function checkReasoning(item: Json, follower: Json | undefined, isOwn: (signature: string) => boolean): void {
  if (!isOwn(String(item.encrypted_content))) {
    refuse(
      "The encrypted content could not be verified. Reason: organization_id did not match the target organization.",
    );
  }
  const isLedTo = follower?.type === "function_call" || follower?.type === "web_search_call";
  if (!isLedTo && follower?.role !== "assistant") {
    refuse("Item of type 'reasoning' was provided without its required following item.");
  }
}

function checkPart(part: Json, path: string): void {
  if (part.type === "input_text" && isBlank(part.text)) refuse(`Invalid '${path}.content': empty text`);
  if (
    part.type === "input_image" &&
    !/^(https?:|data:image\/(png|jpeg|jpg|gif|webp);base64,[A-Za-z0-9+/_-]+={0,2}$)/.test(String(part.image_url))
  ) {
    refuse("You uploaded an unsupported image. Please make sure your image is valid.");
  }
  if (
    part.type === "input_file" &&
    part.file_url === undefined &&
    !String(part.file_data).startsWith("data:application/pdf;base64,")
  ) {
    refuse("Invalid file data");
  }
}

function isJsonObject(text: unknown): boolean {
  try {
    const value: unknown = JSON.parse(String(text));
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
