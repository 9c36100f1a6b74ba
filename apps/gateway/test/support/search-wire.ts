import { sse } from "./fake-provider-server.ts";

/** Streams of providers that search by themselves, event by event as they send them. */

const RESPONSE = { id: "resp_1", created_at: 1, model: "gpt-fake" };
const SOURCES = [
  { type: "url", url: "https://lemons.example/growing" },
  { type: "url", url: "https://lemons.example/history" },
];

/** OpenAI's responses: reasoning, a search with its sources, and an answer that cites one of them. */
export function openaiSearch(answer: string): string[] {
  const reasoning = { type: "reasoning", id: "rs_1", encrypted_content: "ENCRYPTED", summary: [] };
  const search = { type: "web_search_call", id: "ws_0a1b2c3d4e5f60718293a4b5c6d7e8f90123456789abcdef" };
  const message = { type: "message", id: "msg_1" };
  const action = { type: "search", query: "lemons", queries: ["lemons"], sources: SOURCES };
  const citation = {
    type: "url_citation",
    start_index: 0,
    end_index: 6,
    url: SOURCES[0]?.url,
    title: "Growing lemons",
  };
  const usage = { input_tokens: 10, output_tokens: 6, total_tokens: 16 };
  return [
    sse({ type: "response.created", response: RESPONSE }),
    sse({ type: "response.output_item.added", output_index: 0, item: { ...reasoning, encrypted_content: "" } }),
    sse({ type: "response.output_item.done", output_index: 0, item: reasoning }),
    sse({ type: "response.output_item.added", output_index: 1, item: { ...search, status: "in_progress" } }),
    sse({ type: "response.web_search_call.in_progress", output_index: 1, item_id: search.id }),
    sse({ type: "response.web_search_call.searching", output_index: 1, item_id: search.id }),
    sse({ type: "response.web_search_call.completed", output_index: 1, item_id: search.id }),
    sse({ type: "response.output_item.done", output_index: 1, item: { ...search, status: "completed", action } }),
    sse({
      type: "response.output_item.added",
      output_index: 2,
      item: { ...message, status: "in_progress", content: [] },
    }),
    sse({ type: "response.output_text.delta", item_id: "msg_1", output_index: 2, content_index: 0, delta: answer }),
    sse({
      type: "response.output_text.annotation.added",
      item_id: "msg_1",
      output_index: 2,
      content_index: 0,
      annotation_index: 0,
      annotation: citation,
    }),
    sse({ type: "response.output_item.done", output_index: 2, item: { ...message, status: "completed", content: [] } }),
    sse({ type: "response.completed", response: { ...RESPONSE, usage } }),
  ];
}

const event = (data: { readonly type: string } & Record<string, unknown>): string => sse(data, data.type);

function messagesStream(blocks: readonly (readonly Record<string, unknown>[])[], stopReason: string): string[] {
  const usage = { input_tokens: 9, output_tokens: 1, server_tool_use: { web_search_requests: 1 } };
  const message = { id: "msg_1", type: "message", role: "assistant", model: "claude-fake", content: [], usage };
  return [
    event({ type: "message_start", message }),
    ...blocks.flatMap(([block, ...deltas], index) => [
      event({ type: "content_block_start", index, content_block: block }),
      ...deltas.map((delta) => event({ type: "content_block_delta", index, delta })),
      event({ type: "content_block_stop", index }),
    ]),
    event({
      type: "message_delta",
      delta: { stop_reason: stopReason, stop_sequence: null },
      usage: { output_tokens: 8 },
    }),
    event({ type: "message_stop" }),
  ];
}

const SEARCH_BLOCKS = [
  [
    { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: {} },
    { type: "input_json_delta", partial_json: "" },
    { type: "input_json_delta", partial_json: '{"query": "le' },
    { type: "input_json_delta", partial_json: 'mons"}' },
  ],
  [
    {
      type: "web_search_tool_result",
      tool_use_id: "srvtoolu_1",
      content: [
        {
          type: "web_search_result",
          url: "https://lemons.example/growing",
          title: "Growing lemons",
          encrypted_content: "ENCRYPTED",
          page_age: "April 30, 2026",
        },
      ],
    },
  ],
];

/** Anthropic's messages: a search with its encrypted result, and an answer that cites it. */
export function anthropicSearch(answer: string): string[] {
  const citation = {
    type: "web_search_result_location",
    url: "https://lemons.example/growing",
    title: "Growing lemons",
    encrypted_index: "INDEX",
    cited_text: "Lemons need sun.",
  };
  const text = [
    { type: "text", text: "", citations: [] },
    { type: "text_delta", text: answer },
    { type: "citations_delta", citation },
  ];
  return messagesStream([...SEARCH_BLOCKS, text], "end_turn");
}

/** Anthropic's messages: a long turn of searches that is paused, and is to be gone on with. */
export function anthropicPause(): string[] {
  return messagesStream(SEARCH_BLOCKS, "pause_turn");
}

/** Anthropic's messages: a search that found nothing, since there were too many. */
export function anthropicFailedSearch(answer: string): string[] {
  const failed = [
    {
      type: "web_search_tool_result",
      tool_use_id: "srvtoolu_1",
      content: { type: "web_search_tool_result_error", error_code: "max_uses_exceeded" },
    },
  ];
  const text = [
    { type: "text", text: "" },
    { type: "text_delta", text: answer },
  ];
  return messagesStream([...SEARCH_BLOCKS.slice(0, 1), failed, text], "end_turn");
}
