/** OpenAI's Responses, as OpenAI and xAI stream them. */
import type { JsonObject, JsonValue } from "@hsafa/protocol";
import type { Growth, Progress, Reading, WireFormat } from "./wire-format.ts";
import { countOf, objectOf, textOf, withoutNulls } from "./parsed-json.ts";

interface ResponsesState {
  readonly progress: Progress;
}

/** The events that add words to a part. */
const GROWING: ReadonlySet<string> = new Set([
  "response.output_text.delta",
  "response.refusal.delta",
  "response.reasoning_text.delta",
  "response.reasoning_summary_text.delta",
  "response.function_call_arguments.delta",
]);

const UNDERSTOOD = { isUnderstood: true } as const;

export const responsesFormat: WireFormat<ResponsesState> = {
  initial: { progress: "open" },

  read(state, frame) {
    const event = objectOf(frame);
    const type = textOf(event?.type);
    if (event === null || type === null) return { state, frames: [], isUnderstood: false };
    if (GROWING.has(type)) return { state, frames: deltaFrames(type, event), ...UNDERSTOOD };
    switch (type) {
      case "response.created":
      case "response.in_progress":
        return { state, frames: [{ type, response: openResponse(objectOf(event.response)) }], ...UNDERSTOOD };
      case "response.completed":
      case "response.done":
      case "response.incomplete":
      case "response.failed":
        return closing(type === "response.completed" || type === "response.done", objectOf(event.response));
      case "response.output_item.added":
      case "response.output_item.done":
        return { state, frames: itemFrames(type, event), ...UNDERSTOOD };
      default:
        // What the packages do not know they pass over. Keep-alives have names of their own.
        return type.startsWith("response.")
          ? { state, frames: [event], ...UNDERSTOOD }
          : { state, frames: [], ...UNDERSTOOD };
    }
  },

  readDone: (state) => (state.progress === "open" ? closing(true, null) : { state, frames: [], ...UNDERSTOOD }),
  end: () => [],
  progressOf: (state) => state.progress,
  growthOf,
  isSilent,
};

/** Only frames of `deltaFrames` have a text as their delta, all its fields, and nothing else. */
function growthOf(frame: JsonObject): Growth | null {
  const { type, item_id, output_index, content_index, summary_index, delta } = frame;
  if (!GROWING.has(textOf(type) ?? "") || typeof delta !== "string") return null;
  return {
    part: JSON.stringify([type, item_id, output_index, content_index, summary_index]),
    words: delta,
    isSpeech: type !== "response.function_call_arguments.delta",
    withWords: (words) => ({ ...frame, delta: words }),
  };
}

/** A package may find the text of a message in its whole item. */
function isSilent({ item }: JsonObject): boolean {
  const { type, content } = objectOf(item) ?? {};
  return type !== "message" || !Array.isArray(content) || content.length === 0;
}

function closing(isWhole: boolean, response: JsonObject | null): Reading<ResponsesState> {
  const reason = textOf(objectOf(response?.incomplete_details)?.reason);
  const type = isWhole ? "response.completed" : "response.incomplete";
  const closed = {
    ...openResponse(response),
    status: isWhole ? "completed" : "incomplete",
    usage: usageOf(objectOf(response?.usage)),
    incomplete_details: isWhole ? null : { reason: reason ?? "other" },
  };
  return { state: { progress: "closed" }, frames: [{ type, response: withoutNulls(closed) }], ...UNDERSTOOD };
}

function openResponse(response: JsonObject | null): JsonObject {
  return {
    id: textOf(response?.id) ?? "response",
    created_at: countOf(response?.created_at) ?? 0,
    model: textOf(response?.model) ?? "",
    object: "response",
    output: [],
  };
}

function usageOf(usage: JsonObject | null): JsonObject | null {
  const input = countOf(usage?.input_tokens);
  const output = countOf(usage?.output_tokens);
  if (input === null || output === null) return null;
  const cached = countOf(objectOf(usage?.input_tokens_details)?.cached_tokens);
  const reasoning = countOf(objectOf(usage?.output_tokens_details)?.reasoning_tokens);
  return {
    input_tokens: input,
    input_tokens_details: withoutNulls({ cached_tokens: cached }),
    output_tokens: output,
    output_tokens_details: withoutNulls({ reasoning_tokens: reasoning }),
    total_tokens: countOf(usage?.total_tokens) ?? input + output,
  };
}

function deltaFrames(type: string, event: JsonObject): JsonObject[] {
  const delta = textOf(event.delta) ?? textOf(objectOf(event.delta)?.text) ?? textOf(event.text);
  if (delta === null) return [];
  const outputIndex = countOf(event.output_index) ?? 0;
  return [
    {
      type,
      item_id: textOf(event.item_id) ?? `item_${outputIndex}`,
      output_index: outputIndex,
      content_index: countOf(event.content_index) ?? 0,
      summary_index: countOf(event.summary_index) ?? 0,
      delta,
    },
  ];
}

function itemFrames(type: string, event: JsonObject): JsonObject[] {
  const item = objectOf(event.item);
  if (item === null) return [];
  const outputIndex = countOf(event.output_index) ?? 0;
  return [{ type, output_index: outputIndex, item: itemOf(item, outputIndex, type.endsWith("done")) }];
}

function itemOf(item: JsonObject, outputIndex: number, isDone: boolean): JsonObject {
  const id = textOf(item.id) ?? `item_${outputIndex}`;
  switch (item.type) {
    case "message": {
      const phase = item.phase === "commentary" || item.phase === "final_answer" ? item.phase : null;
      return { ...item, ...withoutNulls({ id, role: "assistant" }), phase };
    }
    case "reasoning":
      return { ...item, id, encrypted_content: textOf(item.encrypted_content) };
    case "function_call": {
      const { async: isAsync, namespace, caller, ...fields } = item;
      return {
        ...fields,
        id,
        call_id: textOf(item.call_id) ?? id,
        name: textOf(item.name) ?? "unnamed_call",
        arguments: argumentsOf(item.arguments),
        status: statusOf(item.status, isDone),
        ...(typeof isAsync === "boolean" ? { async: isAsync } : {}),
        ...(typeof namespace === "string" ? { namespace } : {}),
        ...(objectOf(caller) === null ? {} : { caller: caller ?? null }),
      };
    }
    default:
      return item;
  }
}

function argumentsOf(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function statusOf(status: JsonValue | undefined, isDone: boolean): string {
  if (status === "in_progress" || status === "completed" || status === "incomplete") return status;
  return isDone ? "completed" : "in_progress";
}
