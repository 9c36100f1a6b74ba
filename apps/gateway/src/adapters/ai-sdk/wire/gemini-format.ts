/** Google's Gemini. */
import type { JsonObject, JsonValue } from "@hsafa/protocol";
import { isInexactNumber } from "./inexact-number.ts";
import type { Growth, Progress, WireFormat } from "./wire-format.ts";
import { countOf, objectOf, textOf, withoutNulls } from "./parsed-json.ts";

interface GeminiState {
  readonly progress: Progress;
}

const COUNTS = [
  "promptTokenCount",
  "candidatesTokenCount",
  "totalTokenCount",
  "thoughtsTokenCount",
  "cachedContentTokenCount",
  "toolUsePromptTokenCount",
];
/** Parts of tools that the provider executes itself, in the shape that its package knows. */
const FOREIGN_PARTS = ["toolCall", "toolResponse", "executableCode", "codeExecutionResult"];

export const geminiFormat: WireFormat<GeminiState> = {
  initial: { progress: "open" },

  read(state, frame) {
    const chunk = objectOf(frame);
    const candidate = candidateOf(chunk);
    const usage = usageOf(objectOf(chunk?.usageMetadata));
    const blockReason = textOf(objectOf(chunk?.promptFeedback)?.blockReason);
    if (chunk === null || (candidate === null && usage === null && blockReason === null)) {
      return { state, frames: [], isUnderstood: chunk !== null && Array.isArray(chunk.candidates) };
    }
    const reason = textOf(candidate?.finishReason);
    const isFinished = (reason !== null && reason !== "CONTINUATION") || blockReason !== null;
    return {
      state: { progress: isFinished && state.progress === "open" ? "finished" : state.progress },
      frames: [
        withoutNulls({
          responseId: textOf(chunk.responseId),
          candidates: candidate === null ? null : [candidate],
          usageMetadata: usage,
          promptFeedback: blockReason === null ? null : { blockReason },
        }),
      ],
      isUnderstood: true,
    };
  },

  readDone(state) {
    const frames = state.progress === "open" ? [{ candidates: [{ finishReason: "STOP" }] }] : [];
    return { state: { progress: "closed" }, frames, isUnderstood: true };
  },

  end: () => [],
  progressOf: (state) => state.progress,
  growthOf,
  isSilent: ({ candidates }) => candidates === undefined,
};

function growthOf(frame: JsonObject): Growth | null {
  if (frame.promptFeedback !== undefined || !Array.isArray(frame.candidates)) return null;
  const candidate = objectOf(frame.candidates[0]);
  const parts = objectOf(candidate?.content)?.parts;
  const part = Array.isArray(parts) && parts.length === 1 ? objectOf(parts[0]) : null;
  if (candidate === null || part === null || Object.keys(candidate).length > 1) return null;
  const { text, thought, ...others } = part;
  if (typeof text !== "string" || Object.keys(others).length > 0) return null;
  // Counts are those of the answer so far. A frame without them is not joined to one that has them.
  const counted = frame.usageMetadata === undefined ? "" : "counted ";
  return {
    part: `${counted}${thought === true ? "thought" : "text"}`,
    words: text,
    isSpeech: frame.usageMetadata === undefined,
    withWords: (words) => ({ ...frame, candidates: [{ content: { parts: [{ ...part, text: words }] } }] }),
  };
}

function candidateOf(chunk: JsonObject | null): JsonObject | null {
  const candidates = chunk?.candidates;
  const candidate = objectOf(Array.isArray(candidates) ? candidates[0] : candidates);
  if (candidate === null) return null;
  const parts = partsOf(candidate.content);
  const reason = textOf(candidate.finishReason)?.toUpperCase() ?? "";
  return withoutNulls({
    content: parts.length === 0 ? null : { parts },
    finishReason: reason === "" || reason === "FINISH_REASON_UNSPECIFIED" ? null : reason,
    finishMessage: textOf(candidate.finishMessage),
    continuationToken: textOf(candidate.continuationToken),
    groundingMetadata: groundingOf(objectOf(candidate.groundingMetadata)),
  });
}

/** What the answer rests on: pages, places and documents. The package takes a text or nothing for each field. */
function groundingOf(grounding: JsonObject | null): JsonObject | null {
  const chunks = grounding?.groundingChunks;
  if (!Array.isArray(chunks)) return null;
  const groundingChunks = chunks.flatMap((chunk): JsonObject[] => {
    const found = GROUNDS.flatMap((kind) => {
      const ground = objectOf(objectOf(chunk)?.[kind]);
      const [uri, title] = [textOf(ground?.uri), textOf(ground?.title)];
      return uri === null ? [] : [[kind, withoutNulls({ uri, title })] as const];
    });
    return found.length === 0 ? [] : [Object.fromEntries(found)];
  });
  return groundingChunks.length === 0 ? null : { groundingChunks };
}

const GROUNDS = ["web", "maps", "retrievedContext"] as const;

function partsOf(content: JsonValue | undefined): JsonObject[] {
  if (typeof content === "string") return [{ text: content }];
  const parts = objectOf(content)?.parts ?? (Array.isArray(content) ? content : null);
  const list = Array.isArray(parts) ? parts : [parts];
  return list.map(partOf).filter((part) => part !== null);
}

function partOf(value: JsonValue): JsonObject | null {
  if (typeof value === "string") return { text: value };
  const part = objectOf(value);
  if (part === null) return null;
  const signature = withoutNulls({ thoughtSignature: textOf(part.thoughtSignature) });
  const call = objectOf(part.functionCall);
  if (call !== null) return { functionCall: functionCallOf(call), ...signature };
  const thought: JsonObject = part.thought === true ? { thought: true } : {};
  const inline = objectOf(part.inlineData);
  if (inline !== null) {
    const [mimeType, data] = [textOf(inline.mimeType), textOf(inline.data)];
    return mimeType === null || data === null ? null : { inlineData: { mimeType, data }, ...thought, ...signature };
  }
  if (FOREIGN_PARTS.some((name) => objectOf(part[name]) !== null)) return part;
  const text = part.text ?? null;
  if (text === null && Object.keys(signature).length === 0) return null;
  return {
    text: typeof text === "string" ? text : text === null ? "" : JSON.stringify(text),
    ...thought,
    ...signature,
  };
}

function functionCallOf(call: JsonObject): JsonObject {
  const { partialArgs, willContinue } = call;
  return withoutNulls({
    id: textOf(call.id),
    name: textOf(call.name),
    args: call.args,
    partialArgs: Array.isArray(partialArgs) ? partialArgs.map(partialArgOf) : null,
    willContinue: typeof willContinue === "boolean" ? willContinue : null,
  });
}

/** The package takes no text for a number. */
function partialArgOf(value: JsonValue): JsonValue {
  const arg = objectOf(value);
  if (arg === null || !isInexactNumber(arg.numberValue)) return value;
  const { numberValue, ...others } = arg;
  return { ...others, stringValue: numberValue };
}

function usageOf(usage: JsonObject | null): JsonObject | null {
  const counts = withoutNulls(Object.fromEntries(COUNTS.map((name) => [name, countOf(usage?.[name])])));
  return Object.keys(counts).length === 0 ? null : counts;
}
