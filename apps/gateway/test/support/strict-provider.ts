/**
 * A model provider on a real socket that keeps its own rules. It refuses a request that breaks one of them with 400, in
 * its own words, and answers every other one as a script says.
 */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { sse } from "./fake-provider-server.ts";
import type { Json, Rules } from "./provider-rules/rule-book.ts";

/** What the model says to one request. */
export interface Said {
  readonly reasoning?: string;
  readonly text?: string;
  readonly calls?: readonly { readonly name: string; readonly args: Json }[];
  /** Sends nothing more after this, while the client stays connected. */
  readonly holds?: boolean;
  readonly end?: "stop" | "length" | "filter";
}

/** A kind of provider: how it is written on the wire, and what it refuses. */
export interface ProviderKind {
  readonly format: "anthropic" | "responses" | "google" | "chat" | "openrouter";
  readonly rules: Rules;
}

/** A request that holds this word is refused, whatever else it holds: it stands for what a provider cannot take. */
export const POISON = "POISON";

/**
 * Starts a provider. `kindOf` finds the kind by the model's name, `answer` says what the model says to a body. Every
 * signature that it gives is its own, for the model that was asked, and for no other.
 */
export async function startStrictProvider(params: {
  readonly kindOf: (model: string) => ProviderKind;
  readonly answer: (text: string) => Said;
}) {
  const requests: string[] = [];
  const refusals: string[] = [];
  const issued = new Set<string>();
  const server = createServer((request, response) => {
    const bytes: Buffer[] = [];
    request.on("data", (part: Buffer) => bytes.push(part));
    request.on("end", () => {
      const text = Buffer.concat(bytes).toString();
      requests.push(text);
      const body = JSON.parse(text) as Json;
      const inPath = /models\/([^:?]+)/.exec(request.url ?? "")?.[1];
      const model = inPath ?? String(body.model);
      const { format, rules } = params.kindOf(model);
      const fault = text.includes(POISON)
        ? "Could not process image"
        : rules({ text, body }, { isOwn: (signature) => issued.has(`${model} ${signature}`) });
      if (fault !== null) {
        refusals.push(fault);
        response.writeHead(400, { "content-type": "application/json" });
        response.end(JSON.stringify(refusalOf(format, fault)));
        return;
      }
      const signature = `signed-${requests.length}-${format}`;
      issued.add(`${model} ${signature}`);
      // Ids of calls come again, as some servers count them anew in each answer.
      send(response, FORMATS[format](params.answer(text), signature, requests.length % 2));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    /** What was refused for a rule or for poison, in order. */
    refusals,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function send(response: ServerResponse, events: readonly (string | null)[]): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.flushHeaders();
  for (const event of events) {
    if (event === null) return;
    response.write(event);
  }
  response.end();
}

function refusalOf(format: ProviderKind["format"], message: string): unknown {
  switch (format) {
    case "anthropic":
      return { type: "error", error: { type: "invalid_request_error", message } };
    case "google":
      return { error: { code: 400, message, status: "INVALID_ARGUMENT" } };
    case "responses":
      return { error: { message, type: "invalid_request_error", param: "input", code: null } };
    case "chat":
    case "openrouter":
      return { error: { message, type: "invalid_request_error" } };
    default:
      return format satisfies never;
  }
}

/** The events of an answer; null stands for silence from there on. */
type Format = (said: Said, signature: string, n: number) => (string | null)[];

const FORMATS: Readonly<Record<ProviderKind["format"], Format>> = {
  anthropic,
  responses,
  google,
  chat,
  openrouter,
};

function anthropic(
  { reasoning, text, calls = [], holds, end = "stop" }: Said,
  signature: string,
  n: number,
): (string | null)[] {
  const event = (data: { type: string } & Json) => sse(data, data.type);
  const block = (index: number, content_block: Json, ...deltas: Json[]) => [
    event({ type: "content_block_start", index, content_block }),
    ...deltas.map((delta) => event({ type: "content_block_delta", index, delta })),
    ...(holds === true ? [] : [event({ type: "content_block_stop", index })]),
  ];
  const stop = { stop: calls.length === 0 ? "end_turn" : "tool_use", length: "max_tokens", filter: "refusal" }[end];
  return [
    event({
      type: "message_start",
      message: {
        id: "msg",
        type: "message",
        role: "assistant",
        model: "m",
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 1, output_tokens: 1 },
      },
    }),
    ...(reasoning === undefined
      ? []
      : block(
          0,
          { type: "thinking", thinking: "", signature: "" },
          { type: "thinking_delta", thinking: reasoning },
          { type: "signature_delta", signature },
        )),
    ...(text === undefined ? [] : block(1, { type: "text", text: "" }, { type: "text_delta", text })),
    ...calls.flatMap((call, at) =>
      block(
        2 + at,
        { type: "tool_use", id: `toolu_${n}_${at}`, name: call.name, input: {} },
        { type: "input_json_delta", partial_json: JSON.stringify(call.args) },
      ),
    ),
    ...(holds === true
      ? [null]
      : [
          event({
            type: "message_delta",
            delta: { stop_reason: stop, stop_sequence: null },
            usage: { output_tokens: 2 },
          }),
          event({ type: "message_stop" }),
        ]),
  ];
}

function responses(
  { reasoning, text, calls = [], holds, end = "stop" }: Said,
  signature: string,
  n: number,
): (string | null)[] {
  const response = { id: `resp_${n}`, created_at: 1, model: "m" };
  const usage = {
    input_tokens: 1,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 1,
    output_tokens_details: { reasoning_tokens: 0 },
  };
  const item = (output_index: number, value: Json, ...between: Json[]) => [
    sse({ type: "response.output_item.added", output_index, item: value }),
    ...between.map((one) => sse(one)),
    sse({ type: "response.output_item.done", output_index, item: value }),
  ];
  const thought = { type: "reasoning", id: `rs_${n}`, encrypted_content: signature, summary: [] };
  const called = calls.map((call, at) => ({
    type: "function_call",
    id: `fc_${n}_${at}`,
    call_id: `call_${n}_${at}`,
    name: call.name,
    arguments: JSON.stringify(call.args),
    status: "completed",
  }));
  const reason = { stop: null, length: "max_output_tokens", filter: "content_filter" }[end];
  return [
    sse({ type: "response.created", response }),
    ...(reasoning === undefined
      ? []
      : item(
          0,
          thought,
          { type: "response.reasoning_summary_part.added", item_id: thought.id, summary_index: 0 },
          { type: "response.reasoning_summary_text.delta", item_id: thought.id, summary_index: 0, delta: reasoning },
          { type: "response.reasoning_summary_part.done", item_id: thought.id, summary_index: 0 },
        )),
    ...(text === undefined
      ? []
      : item(
          1,
          { type: "message", id: `msg_${n}` },
          { type: "response.output_text.delta", item_id: `msg_${n}`, delta: text },
        )),
    ...called.flatMap((call, at) => item(2 + at, call)),
    holds === true
      ? null
      : sse({
          type: reason === null ? "response.completed" : "response.incomplete",
          response: { ...response, usage, ...(reason === null ? {} : { incomplete_details: { reason } }) },
        }),
  ];
}

function google({ reasoning, text, calls = [], holds, end = "stop" }: Said, signature: string): (string | null)[] {
  const parts = [
    ...(reasoning === undefined ? [] : [{ text: reasoning, thought: true, thoughtSignature: signature }]),
    ...(text === undefined ? [] : [{ text }]),
    // Only the first of several calls is signed.
    ...calls.map(({ name, args }, at) => ({
      functionCall: { name, args },
      ...(at === 0 ? { thoughtSignature: signature } : {}),
    })),
  ];
  const finishReason = { stop: "STOP", length: "MAX_TOKENS", filter: "SAFETY" }[end];
  const usageMetadata = { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 };
  const content = { role: "model", parts };
  return holds === true
    ? [sse({ candidates: [{ content }] }), null]
    : [sse({ candidates: [{ content, finishReason }], usageMetadata })];
}

function chat(
  { reasoning, text, calls = [], holds, end = "stop" }: Said,
  signature: string,
  n: number,
): (string | null)[] {
  const chunk = (delta: Json, finish_reason: string | null = null) =>
    sse({
      id: "c",
      object: "chat.completion.chunk",
      created: 1,
      model: "m",
      choices: [{ index: 0, delta, finish_reason }],
    });
  const called = calls.map(({ name, args }, at) => ({
    index: at,
    id: `call_number_${n}_${at}`,
    type: "function",
    function: { name, arguments: JSON.stringify(args) },
    ...(at === 0 ? { extra_content: { google: { thought_signature: signature } } } : {}),
  }));
  const reason = { stop: calls.length === 0 ? "stop" : "tool_calls", length: "length", filter: "content_filter" }[end];
  return [
    ...(reasoning === undefined ? [] : [chunk({ role: "assistant", reasoning_content: reasoning })]),
    ...(text === undefined ? [] : [chunk({ role: "assistant", content: text })]),
    ...called.map((call) => chunk({ tool_calls: [call] })),
    ...(holds === true
      ? [null]
      : [
          chunk({}, reason),
          sse({
            id: "c",
            created: 1,
            model: "m",
            choices: [],
            usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
          }),
          "data: [DONE]\n\n",
        ]),
  ];
}

/** Chat completions with the details of the reasoning, in fragments as they come. */
function openrouter(said: Said, signature: string, n: number): (string | null)[] {
  const { reasoning, ...others } = said;
  const details = reasoning === undefined ? [] : detailsOf(reasoning, signature);
  const thoughts = details.map((detail) =>
    sse({ choices: [{ index: 0, delta: { reasoning: detail.text ?? null, reasoning_details: [detail] } }] }),
  );
  return [...thoughts, ...chat(others, signature, n)];
}

function detailsOf(reasoning: string, signature: string): Json[] {
  const text = { type: "reasoning.text", format: "fake-v1", index: 0 };
  return [
    { ...text, text: reasoning.slice(0, 3) },
    { ...text, text: reasoning.slice(3) },
    { ...text, text: "", signature },
    { type: "reasoning.encrypted", data: signature, id: "r", format: "fake-v1", index: 1 },
  ];
}
