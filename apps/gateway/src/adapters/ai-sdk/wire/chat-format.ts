/** OpenAI's chat completions, as OpenAI and the servers that copy them stream them. */
import type { JsonObject, JsonValue } from "@hsafa/protocol";
import { joinedDetails } from "../dialects/reasoning-details.ts";
import { REASONING_DETAILS_CHARACTERS_MAX, REASONING_DETAILS_MAX } from "../limits.ts";
import type { Growth, Progress, WireFormat } from "./wire-format.ts";
import { countOf, objectOf, textOf, withoutNulls } from "./parsed-json.ts";

interface ChatState {
  readonly progress: Progress;
  /** The tool calls so far. A call without a name is withheld, because the provider's package throws on it. */
  readonly calls: readonly ChatCall[];
  /** The details of the reasoning so far; null: they are too many, and none is kept. */
  readonly details: { readonly list: readonly JsonObject[]; readonly characters: number } | null;
}

interface ChatCall {
  readonly index: number;
  readonly id: string | null;
  readonly isNamed: boolean;
  /** The arguments of a call whose name has not come. */
  readonly withheld: string;
}

/** What servers say for the reasons of OpenAI. Reasons in no list are passed on, and the run shows `other`. */
const FINISH_REASONS: Readonly<Record<string, string>> = {
  eos: "stop",
  eos_token: "stop",
  end_turn: "stop",
  stop_sequence: "stop",
  complete: "stop",
  completed: "stop",
  max_tokens: "length",
  model_length: "length",
  max_output_tokens: "length",
  content_filter: "content_filter",
  "content-filter": "content_filter",
  safety: "content_filter",
  refusal: "content_filter",
  tool_call: "tool_calls",
  tool_use: "tool_calls",
  function_call: "tool_calls",
};

/** The name of a call that its server never named. It is no tool of anybody, and the model is told so. */
const UNNAMED = "unnamed_call";

export const chatFormat: WireFormat<ChatState> = {
  initial: { progress: "open", calls: [], details: { list: [], characters: 0 } },

  read(state, frame) {
    const chunk = objectOf(frame);
    if (chunk === null) return { state, frames: [], isUnderstood: false };
    const choice = choiceOf(chunk);
    const usage = usageOf(objectOf(chunk.usage) ?? objectOf(objectOf(chunk.x_groq)?.usage));
    if (choice === null && usage === null) {
      return { state, frames: [], isUnderstood: Array.isArray(chunk.choices) };
    }
    const { calls, delta } = choice === null ? { calls: state.calls, delta: null } : deltaOf(state.calls, choice);
    const finishReason = choice === null ? null : finishReasonOf(choice.finish_reason);
    const progress = finishReason !== null && state.progress === "open" ? "finished" : state.progress;
    const choices = choice === null ? [] : [{ index: 0, delta, finish_reason: finishReason }];
    return {
      state: { progress, calls, details: detailsAfter(state.details, choice) },
      // Its id, time and model stay behind: no step records them, and the package would check them in every frame.
      frames: [withoutNulls({ choices, usage })],
      isUnderstood: true,
    };
  },

  readDone(state) {
    const frames = state.progress === "open" ? [endFrame(state, reasonByCalls(state))] : [];
    return { state: { ...state, progress: "closed" }, frames, isUnderstood: true };
  },

  end(state) {
    return state.calls.some((call) => !call.isNamed) ? [endFrame(state, null)] : [];
  },

  progressOf: (state) => state.progress,
  growthOf,
  isSilent,
  detailsOf: ({ details }) => details?.list ?? [],
};

function growthOf({ choices, usage }: JsonObject): Growth | null {
  if (usage !== undefined || !Array.isArray(choices)) return null;
  const choice = objectOf(choices[0]);
  const delta = objectOf(choice?.delta);
  if (delta === null || choice?.finish_reason !== null) return null;
  const [name, ...others] = Object.keys(delta);
  if ((name !== "content" && name !== "reasoning_content") || others.length > 0) return null;
  return {
    part: name,
    words: textOf(delta[name]) ?? "",
    isSpeech: true,
    withWords: (words) => ({ choices: [{ ...choice, delta: { [name]: words } }] }),
  };
}

function isSilent({ choices }: JsonObject): boolean {
  const delta = Array.isArray(choices) ? objectOf(objectOf(choices[0])?.delta) : null;
  return delta?.content === undefined && delta?.reasoning_content === undefined;
}

/** The details after one more frame. Beyond their bounds none is of use: a server wants them whole. */
function detailsAfter(before: ChatState["details"], choice: JsonObject | null): ChatState["details"] {
  const said = choice === null ? null : (objectOf(choice.delta) ?? objectOf(choice.message));
  const given = said?.reasoning_details;
  const fragments = Array.isArray(given) ? given.map(objectOf).filter((detail) => detail !== null) : [];
  if (before === null || fragments.length === 0) return before;
  const characters = before.characters + JSON.stringify(fragments).length;
  const list = joinedDetails(before.list, fragments);
  const isTooMuch = characters > REASONING_DETAILS_CHARACTERS_MAX || list.length > REASONING_DETAILS_MAX;
  return isTooMuch ? null : { list, characters };
}

/** The mark closes a whole answer, although no reason came. */
function reasonByCalls(state: ChatState): string {
  return state.calls.length > 0 ? "tool_calls" : "stop";
}

function endFrame(state: ChatState, finishReason: string | null): JsonObject {
  const unnamed = state.calls.filter((call) => !call.isNamed);
  const toolCalls = unnamed.map(({ index, id, withheld }) =>
    withoutNulls({ index, id, function: { name: UNNAMED, arguments: withheld } }),
  );
  const delta: JsonObject = toolCalls.length === 0 ? {} : { tool_calls: toolCalls };
  return { choices: [{ index: 0, delta, finish_reason: finishReason }] };
}

/** The choice of the one answer that is asked for, or null. */
function choiceOf({ choices }: JsonObject): JsonObject | null {
  if (!Array.isArray(choices)) return objectOf(choices);
  const objects = choices.map(objectOf).filter((choice) => choice !== null);
  return objects.find(({ index }) => countOf(index) === 0) ?? objects[0] ?? null;
}

function finishReasonOf(value: JsonValue | undefined): string | null {
  const reason = textOf(value);
  if (reason === null || reason === "" || reason === "null") return null;
  return FINISH_REASONS[reason.toLowerCase()] ?? reason.toLowerCase();
}

function usageOf(usage: JsonObject | null): JsonObject | null {
  if (usage === null) return null;
  const inputDetails = objectOf(usage.prompt_tokens_details);
  const outputDetails = objectOf(usage.completion_tokens_details);
  const counts = withoutNulls({
    prompt_tokens: countOf(usage.prompt_tokens),
    completion_tokens: countOf(usage.completion_tokens),
    total_tokens: countOf(usage.total_tokens),
    prompt_tokens_details:
      inputDetails === null ? null : withoutNulls({ cached_tokens: countOf(inputDetails.cached_tokens) }),
    completion_tokens_details:
      outputDetails === null ? null : withoutNulls({ reasoning_tokens: countOf(outputDetails.reasoning_tokens) }),
  });
  return Object.keys(counts).length === 0 ? null : counts;
}

/** What a choice adds to the answer: its delta, or the whole message of a server that does not stream. */
function deltaOf(
  calls: readonly ChatCall[],
  choice: JsonObject,
): { readonly calls: readonly ChatCall[]; readonly delta: JsonObject } {
  const said = objectOf(choice.delta) ?? objectOf(choice.message) ?? {};
  const { text, reasoning } = contentOf(said.content ?? choice.text);
  const thought = [said.reasoning_content, said.reasoning, said.thinking]
    .map(reasoningOf)
    .find((words) => words !== "");
  const details = thought === undefined && reasoning === "" ? reasoningOf(said.reasoning_details) : "";
  const read = toolCallsOf(calls, said);
  return {
    calls: read.calls,
    delta: withoutNulls({
      content: text === "" ? null : text,
      reasoning_content: `${thought ?? ""}${details}${reasoning}` || null,
      refusal: textOf(said.refusal),
      tool_calls: read.deltas.length === 0 ? null : read.deltas,
    }),
  };
}

/** The text and the reasoning of a content: a text, a list of parts as Mistral sends it, or one part. */
function contentOf(content: JsonValue | undefined): { readonly text: string; readonly reasoning: string } {
  if (content === null || content === undefined) return { text: "", reasoning: "" };
  if (typeof content !== "object") return { text: String(content), reasoning: "" };
  const parts = Array.isArray(content) ? content : [content];
  const isThought = (part: JsonValue): boolean => {
    const type = textOf(objectOf(part)?.type);
    return type === "thinking" || type === "reasoning";
  };
  return {
    text: parts
      .filter((part) => !isThought(part))
      .map(wordsOf)
      .join(""),
    reasoning: parts.filter(isThought).map(wordsOf).join(""),
  };
}

function reasoningOf(value: JsonValue | undefined): string {
  return value === null || value === undefined || typeof value === "boolean" ? "" : wordsOf(value);
}

/** The words of a part, in whichever field they are. */
function wordsOf(part: JsonValue): string {
  if (typeof part === "string" || typeof part === "number") return String(part);
  if (Array.isArray(part)) return part.map(wordsOf).join("");
  const object = objectOf(part);
  if (object === null) return "";
  const words = object.text ?? object.thinking ?? object.content ?? object.summary ?? "";
  return wordsOf(words);
}

function toolCallsOf(
  before: readonly ChatCall[],
  said: JsonObject,
): { readonly calls: readonly ChatCall[]; readonly deltas: JsonObject[] } {
  let calls = before;
  const deltas: JsonObject[] = [];
  const list = Array.isArray(said.tool_calls) ? said.tool_calls : [said.tool_calls ?? said.function_call];
  list.forEach((item, place) => {
    const call = objectOf(item);
    if (call === null) return;
    const fields = objectOf(call.function) ?? call;
    const name = nonBlank(textOf(fields.name));
    const id = nonBlank(typeof call.id === "number" ? String(call.id) : textOf(call.id));
    const words = argumentsOf(fields.arguments ?? fields.parameters);
    const index = countOf(call.index) ?? indexOf(calls, { id, name, place });
    const known = calls.findLast((one) => one.index === index);
    const withheld = `${known?.withheld ?? ""}${words}`;
    const isNamed = known?.isNamed === true || name !== null;
    const next = { index, id: id ?? known?.id ?? null, isNamed, withheld: isNamed ? "" : withheld };
    calls = [...calls.filter((one) => one.index !== index), next];
    if (!isNamed) return;
    const text = known?.isNamed === false ? withheld : words;
    deltas.push(
      withoutNulls({
        index,
        id: known?.isNamed === false ? next.id : id,
        function: withoutNulls({ name, arguments: text }),
        extra_content: extraOf(call.extra_content),
      }),
    );
  });
  return { calls, deltas };
}

/** The index of a call whose server gives none. An id or a name tells calls apart; else the last call goes on. */
function indexOf(
  calls: readonly ChatCall[],
  { id, name, place }: { readonly id: string | null; readonly name: string | null; readonly place: number },
): number {
  const sameId = id === null ? undefined : calls.findLast((call) => call.id === id);
  if (sameId !== undefined) return sameId.index;
  const last = calls.at(-1);
  if (last === undefined) return place;
  return name === null && id === null ? last.index : Math.max(...calls.map((call) => call.index)) + 1;
}

/** Some servers send the arguments as JSON instead of its text. */
function argumentsOf(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Google's signature of a thought, which it wants back. */
function extraOf(value: JsonValue | undefined): JsonObject | null {
  const signature = textOf(objectOf(objectOf(value)?.google)?.thought_signature);
  return signature === null ? null : { google: { thought_signature: signature } };
}

function nonBlank(text: string | null): string | null {
  return text === null || text.trim() === "" ? null : text;
}
