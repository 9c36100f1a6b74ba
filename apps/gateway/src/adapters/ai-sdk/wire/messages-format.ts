/** Anthropic's messages. */
import type { JsonObject, JsonValue } from "@hsafa/protocol";
import type { Growth, Progress, Reading, WireFormat } from "./wire-format.ts";
import { countOf, objectOf, textOf, withoutNulls } from "./parsed-json.ts";

interface MessagesState {
  readonly progress: Progress;
  readonly isStarted: boolean;
  readonly hasCall: boolean;
}

/** Blocks that the provider executes itself, in the shape that its package knows. */
const FOREIGN_BLOCKS =
  /^(?:server_tool_use|mcp_tool_use|compaction|[a-z_]{1,64}_tool_result|mcp_tool_result|fallback)$/;

export const messagesFormat: WireFormat<MessagesState> = {
  initial: { progress: "open", isStarted: false, hasCall: false },

  read(state, frame) {
    const event = objectOf(frame);
    const type = textOf(event?.type);
    if (event === null || type === null) return { state, frames: [], isUnderstood: false };
    switch (type) {
      case "message_start":
        // A second start would end the step in the provider's package.
        return understood({ ...state, isStarted: true }, state.isStarted ? [] : [startFrame(objectOf(event.message))]);
      case "content_block_start": {
        const block = blockOf(objectOf(event.content_block), countOf(event.index) ?? 0);
        const frames = block === null ? [] : [{ type, index: countOf(event.index) ?? 0, content_block: block }];
        return understood({ ...state, hasCall: state.hasCall || block?.type === "tool_use" }, frames);
      }
      case "content_block_delta": {
        const delta = deltaOf(objectOf(event.delta));
        return understood(state, delta === null ? [] : [{ type, index: countOf(event.index) ?? 0, delta }]);
      }
      case "content_block_stop":
        return understood(state, [{ type, index: countOf(event.index) ?? 0 }]);
      case "message_delta": {
        const reason = textOf(objectOf(event.delta)?.stop_reason);
        const isFinished = reason !== null && reason !== "" && state.progress === "open";
        return understood({ ...state, progress: isFinished ? "finished" : state.progress }, [
          reasonFrame(reason, objectOf(event.delta), objectOf(event.usage)),
        ]);
      }
      case "message_stop":
        return close(state);
      default:
        // A ping, or an event that the package does not know: both say nothing of the answer.
        return understood(state, []);
    }
  },

  readDone: (state) => (state.isStarted ? close(state) : understood(state, [])),
  end: (state) => (state.progress === "finished" ? [{ type: "message_stop" }] : []),
  progressOf: (state) => state.progress,
  growthOf,
  isSilent,
};

/** Where each kind of delta has its words. */
const WORDS: Readonly<Record<string, string>> = {
  text_delta: "text",
  thinking_delta: "thinking",
  input_json_delta: "partial_json",
};

function growthOf(frame: JsonObject): Growth | null {
  const delta = objectOf(frame.delta);
  if (frame.type !== "content_block_delta" || delta === null) return null;
  const type = textOf(delta.type) ?? "";
  const name = WORDS[type];
  if (name === undefined) return null;
  return {
    part: `${JSON.stringify(frame.index)} ${type}`,
    words: textOf(delta[name]) ?? "",
    isSpeech: type !== "input_json_delta",
    withWords: (words) => ({ ...frame, delta: { type, [name]: words } }),
  };
}

/** A call may be the package's own form of a text, so the fragments of its input are not silent. */
function isSilent({ type, delta, content_block }: JsonObject): boolean {
  const block = objectOf(content_block);
  if (type === "content_block_start")
    return block?.type === "redacted_thinking" || block?.text === "" || block?.thinking === "";
  if (type === "content_block_delta") return objectOf(delta)?.type === "signature_delta";
  return true;
}

function understood(state: MessagesState, frames: readonly JsonObject[]): Reading<MessagesState> {
  return { state, frames, isUnderstood: true };
}

function close(state: MessagesState): Reading<MessagesState> {
  if (state.progress === "closed") return understood(state, []);
  const reason = state.hasCall ? "tool_use" : "end_turn";
  // The mark closes a whole answer, although no reason came.
  const missing = state.progress === "open" ? [reasonFrame(reason, null, null)] : [];
  return understood({ ...state, progress: "closed" }, [...missing, { type: "message_stop" }]);
}

function startFrame(message: JsonObject | null): JsonObject {
  const usage = objectOf(message?.usage);
  return {
    type: "message_start",
    message: {
      id: textOf(message?.id),
      model: textOf(message?.model),
      role: "assistant",
      usage: { ...cacheCounts(usage), input_tokens: countOf(usage?.input_tokens) ?? 0 },
    },
  };
}

function reasonFrame(reason: string | null, delta: JsonObject | null, usage: JsonObject | null): JsonObject {
  const thinking = countOf(objectOf(usage?.output_tokens_details)?.thinking_tokens);
  return {
    type: "message_delta",
    delta: { stop_reason: reason, stop_sequence: textOf(delta?.stop_sequence) },
    usage: {
      ...cacheCounts(usage),
      ...withoutNulls({ input_tokens: countOf(usage?.input_tokens) }),
      ...(thinking === null ? {} : { output_tokens_details: { thinking_tokens: thinking } }),
      output_tokens: countOf(usage?.output_tokens) ?? 0,
    },
  };
}

function cacheCounts(usage: JsonObject | null): JsonObject {
  return withoutNulls({
    cache_creation_input_tokens: countOf(usage?.cache_creation_input_tokens),
    cache_read_input_tokens: countOf(usage?.cache_read_input_tokens),
  });
}

function blockOf(block: JsonObject | null, index: number): JsonObject | null {
  if (block === null) return null;
  const type = textOf(block.type) ?? "";
  switch (type) {
    case "text":
      return { type, text: textOf(block.text) ?? "" };
    case "thinking":
      return { type, thinking: textOf(block.thinking) ?? "" };
    case "redacted_thinking":
      return { type, data: textOf(block.data) ?? "" };
    case "tool_use": {
      const input = objectOf(block.input);
      const name = textOf(block.name) ?? "unnamed_call";
      const id = textOf(block.id) ?? `toolu_${index}`;
      return { type, id, name, ...(input === null ? {} : { input }) };
    }
    default:
      if (FOREIGN_BLOCKS.test(type)) return block;
      return textOf(block.text) === null ? null : { type: "text", text: textOf(block.text) };
  }
}

function deltaOf(delta: JsonObject | null): JsonObject | null {
  if (delta === null) return null;
  const text = wordsOf(delta.text);
  const thinking = wordsOf(delta.thinking);
  const partialJson = wordsOf(delta.partial_json);
  if (delta.type === "signature_delta") {
    return typeof delta.signature === "string" ? { type: delta.type, signature: delta.signature } : null;
  }
  if (text !== null) return { type: "text_delta", text };
  if (thinking !== null) return { type: "thinking_delta", thinking };
  if (partialJson !== null) return { type: "input_json_delta", partial_json: partialJson };
  return delta.type === "citations_delta" || delta.type === "compaction_delta" ? delta : null;
}

function wordsOf(value: JsonValue | undefined): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === "string" ? value : JSON.stringify(value);
}
