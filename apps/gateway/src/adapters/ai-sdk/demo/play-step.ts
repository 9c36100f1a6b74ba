import type {
  LanguageModelV4Citation,
  LanguageModelV4FinishReason,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
} from "@ai-sdk/provider";
import type { JsonValue } from "@hsafa/protocol";
import type { DemoConversation } from "./demo-conversation.ts";
import { DEMO_ARGUMENTS_CHUNK_CHARACTERS } from "../limits.ts";
import { sampleArguments } from "./sample-arguments.ts";
import type { DemoPart, DemoScript } from "./demo-script.ts";

/** The tool that the demo provider executes itself. */
export const DEMO_SEARCH = "web_search";

/** One action of a step. The caller keeps the time. */
export type DemoAction =
  | { readonly kind: "part"; readonly part: LanguageModelV4StreamPart }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "hang" }
  | { readonly kind: "fail"; readonly fail: Extract<DemoPart, { fail: unknown }>; readonly place: number };

/** Plays a step of a script as stream parts and pauses. Pure: the same conversation gives the same actions. */
export function* playStep(script: DemoScript, conversation: DemoConversation): Generator<DemoAction, void> {
  yield { kind: "part", part: { type: "stream-start", warnings: [] } };
  yield* new StepPlayer(script, conversation).play(stepOf(script, conversation.stepIndex));
}

function stepOf(script: DemoScript, index: number): readonly DemoPart[] {
  const step = script.steps[script.loop ? index % script.steps.length : index];
  return step ?? [{ say: "(The script is over.)" }];
}

type FinishReason = LanguageModelV4FinishReason["unified"];

class StepPlayer {
  readonly #script: DemoScript;
  readonly #conversation: DemoConversation;
  /** The open text or reasoning part. Adjacent parts of one kind become one part. */
  #open: "text" | "reasoning" | null = null;
  #opened = 0;
  #calls = 0;
  #searches = 0;
  #fails = 0;
  #finish: FinishReason | null = null;
  readonly #characters = { text: 0, reasoning: 0 };
  /** Characters of the part that is open, and what it cites. */
  #said = 0;
  readonly #cited: LanguageModelV4Citation[] = [];

  constructor(script: DemoScript, conversation: DemoConversation) {
    this.#script = script;
    this.#conversation = conversation;
  }

  *play(parts: readonly DemoPart[]): Generator<DemoAction, void> {
    for (const part of parts) yield* this.#part(part, 1);
    yield* this.#close();
    const unified = this.#finish ?? (this.#calls > 0 ? "tool-calls" : "stop");
    yield partAction({ type: "finish", finishReason: { unified, raw: unified }, usage: this.#usage() });
  }

  *#part(part: DemoPart, n: number): Generator<DemoAction, void> {
    if ("say" in part) {
      const start = this.#open === "text" ? this.#said : 0;
      yield* this.#speak("text", part.say, part, n);
      if (part.cites !== undefined) this.#cited.push(citationOf(part.cites, start, this.#said));
    } else if ("think" in part) yield* this.#speak("reasoning", part.think, part, n);
    else if ("call" in part) yield* this.#call(part, n);
    else if ("object" in part) yield* this.#speak("text", this.#object(part, n), part, n);
    else if ("search" in part) yield* this.#search(part, n);
    else if ("wait" in part) yield { kind: "wait", ms: part.wait };
    else if ("hang" in part) yield { kind: "hang" };
    else if ("fail" in part) yield { kind: "fail", fail: part, place: this.#fails++ };
    else if ("finish" in part) this.#finish = part.finish;
    else for (let i = 1; i <= part.repeat; i += 1) for (const inner of part.parts) yield* this.#part(inner, i);
  }

  *#speak(kind: "text" | "reasoning", text: string, pace: Pace, n: number): Generator<DemoAction, void> {
    if (this.#open !== kind) {
      yield* this.#close();
      this.#open = kind;
      this.#opened += 1;
      this.#said = 0;
      yield partAction({ type: `${kind}-start`, id: String(this.#opened) });
    }
    for (const delta of pieces(this.#fill(text, n), pace.chunk ?? this.#script.chunk)) {
      yield* this.#pause(pace);
      this.#characters[kind] += delta.length;
      this.#said += delta.length;
      yield partAction({ type: `${kind}-delta`, id: String(this.#opened), delta });
    }
  }

  *#close(): Generator<DemoAction, void> {
    const id = String(this.#opened);
    if (this.#open === "reasoning") yield partAction({ type: "reasoning-end", id });
    else if (this.#open === "text") {
      const citations = this.#cited.splice(0);
      yield partAction({ type: "text-end", id, ...(citations.length === 0 ? {} : { citations }) });
    }
    this.#open = null;
  }

  *#call(part: Extract<DemoPart, { call: string }>, n: number): Generator<DemoAction, void> {
    yield* this.#close();
    const id = `demo-${this.#conversation.stepIndex}-${this.#calls}`;
    this.#calls += 1;
    const input = part.rawArgs ?? JSON.stringify(this.#arguments(part, n));
    yield partAction({ type: "tool-input-start", id, toolName: part.call });
    for (const delta of pieces(input, part.chunk ?? this.#script.chunk ?? DEMO_ARGUMENTS_CHUNK_CHARACTERS)) {
      yield* this.#pause(part);
      this.#characters.text += delta.length;
      yield partAction({ type: "tool-input-delta", id, delta });
    }
    yield partAction({ type: "tool-input-end", id });
    yield partAction({ type: "tool-call", toolCallId: id, toolName: part.call, input });
  }

  #arguments(part: Extract<DemoPart, { call: string }>, n: number): JsonValue {
    if (part.args !== undefined) return this.#fillValue(part.args, n);
    const tool = this.#conversation.tools.find((offered) => offered.name === part.call);
    return tool === undefined ? {} : sampleArguments(tool.inputSchema, this.#conversation.user);
  }

  /** As a provider that searches by itself: the call, what it found, and each page as a source. */
  *#search(part: Extract<DemoPart, { search: string }>, n: number): Generator<DemoAction, void> {
    yield* this.#close();
    const toolCallId = `demo-search-${this.#conversation.stepIndex}-${this.#searches}`;
    this.#searches += 1;
    const about = { toolCallId, toolName: DEMO_SEARCH };
    const input = JSON.stringify({ query: this.#fill(part.search, n) });
    yield partAction({ type: "tool-input-start", id: toolCallId, toolName: DEMO_SEARCH, providerExecuted: true });
    yield partAction({ type: "tool-call", ...about, input, providerExecuted: true });
    yield* this.#pause(part);
    yield partAction({ type: "tool-result", ...about, result: part.found });
    for (const [index, { url, title }] of part.found.entries()) {
      const named = title === undefined ? {} : { title };
      yield partAction({ type: "source", sourceType: "url", id: `${toolCallId}-${index}`, url, ...named });
    }
  }

  #object({ object }: Extract<DemoPart, { object: unknown }>, n: number): string {
    if (object !== true) return JSON.stringify(this.#fillValue(object, n));
    const { outputSchema, user } = this.#conversation;
    return JSON.stringify(outputSchema === null ? {} : sampleArguments(outputSchema, user));
  }

  *#pause(pace: Pace): Generator<DemoAction, void> {
    const ms = pace.everyMs ?? this.#script.everyMs ?? 0;
    if (ms > 0) yield { kind: "wait", ms };
  }

  #fill(text: string, n: number): string {
    if (!text.includes("{{")) return text;
    const { user, results } = this.#conversation;
    return text
      .replaceAll("{{n}}", String(n))
      .replaceAll(/\{\{(user|result|results)\}\}/g, (_, name: string) =>
        name === "user"
          ? user
          : name === "result"
            ? (results[0]?.text ?? "")
            : results.map((one) => one.text).join("\n"),
      );
  }

  #fillValue(value: JsonValue, n: number): JsonValue {
    if (typeof value === "string") return this.#fill(value, n);
    if (Array.isArray(value)) return value.map((item) => this.#fillValue(item, n));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.#fillValue(item, n)]));
  }

  /** Counts four characters as one token, about as real models do, so that sums look plausible. */
  #usage(): LanguageModelV4Usage {
    const tokens = (characters: number) => Math.ceil(characters / 4);
    const { system, user, results } = this.#conversation;
    const asked = [system, user, ...results.map((result) => result.text)].reduce((sum, text) => sum + text.length, 0);
    const text = tokens(this.#characters.text);
    const reasoning = tokens(this.#characters.reasoning);
    return {
      inputTokens: { total: tokens(asked), noCache: tokens(asked), cacheRead: 0, cacheWrite: 0 },
      outputTokens: { total: text + reasoning, text, reasoning },
    };
  }
}

interface Pace {
  readonly chunk?: number | undefined;
  readonly everyMs?: number | undefined;
}

function partAction(part: LanguageModelV4StreamPart): DemoAction {
  return { kind: "part", part };
}

/** Splits into words with the space after them, or into pieces of `chunk` whole characters. */
function* pieces(text: string, chunk: number | undefined): Generator<string, void> {
  if (chunk === undefined) {
    yield* text.match(/\s*\S+\s*|\s+/g) ?? [];
    return;
  }
  // One after the other: a long text in small pieces must not be cut all at once.
  for (let at = 0; at < text.length; ) {
    let end = at;
    for (let count = 0; count < chunk && end < text.length; count += 1) end += unitsOf(text, end);
    yield text.slice(at, end);
    at = end;
  }
}

/** How many code units the character has that begins here. */
function unitsOf(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}

function citationOf(url: string, startIndex: number, endIndex: number): LanguageModelV4Citation {
  return { source: { type: "source", sourceType: "url", id: url, url }, startIndex, endIndex };
}
