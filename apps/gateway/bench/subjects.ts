import { Agent, type ClientRequest, get, type IncomingMessage, request } from "node:http";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { TokenReader } from "./token.ts";

/** One way from the model's socket to a watcher's. */
export interface Subject {
  readonly name: string;
  /** Follows one stream of the model `<tokens>x<everyMs>` to its end. */
  follow(model: string): Promise<TokenReader>;
}

const agent = new Agent({ keepAlive: true, maxSockets: 1000 });

/** Nothing in between: the cost of the sockets and of the measurement. */
export function direct(modelUrl: string): Subject {
  return {
    name: "direct",
    follow: (model) =>
      readTokens(post(`${modelUrl}/chat/completions`, { model }), (data) => {
        const event = JSON.parse(data) as { choices: { delta: { content?: string } }[] };
        return event.choices[0]?.delta.content ?? "";
      }),
  };
}

/** `streamText`, piped into one response. */
export function pipe(url: string): Subject {
  return {
    name: "pipe",
    follow: (model) =>
      readTokens(get(`${url}/${model}`, { agent }), (data) => (JSON.parse(data) as { text: string }).text),
  };
}

/** `streamText` through `resumable-stream`. */
export function resumable(url: string): Subject {
  let streams = 0;
  return {
    name: "resumable-stream",
    follow(model) {
      streams += 1;
      const sent = get(`${url}/${model}?id=${encodeURIComponent(`${model} ${streams}`)}`, { agent });
      return readTokens(sent, (data) => (JSON.parse(data) as { text: string }).text);
    },
  };
}

/** hsafa: starts a run, and reads its events from the response. */
export function hsafa(url: string, key: string): Subject {
  const headers = { authorization: `Bearer ${key}`, accept: "text/event-stream" };
  return {
    name: "hsafa",
    follow: (model) =>
      readTokens(
        post(`${url}/api/runs`, { agent: agentOf(model), input: "go" }, { ...headers, ...aKey() }),
        textOfEvent,
      ),
  };
}

/** hsafa: starts a run, and then reads its stream from the first event. */
export function hsafaInTwo(url: string, key: string): Subject {
  const headers = { authorization: `Bearer ${key}` };
  return {
    name: "hsafa, in two requests",
    async follow(model) {
      const runId = await startRun(url, key, model);
      return readTokens(get(`${url}/api/runs/${runId}/stream`, { agent, headers }), textOfEvent);
    },
  };
}

/** The text that one event of hsafa adds. Throws if the run failed. */
export function textOfEvent(data: string): string {
  const event = JSON.parse(data) as { type: string; data: { text?: string; error?: unknown } };
  if (event.type === "run.failed") throw new Error(JSON.stringify(event.data.error));
  return event.type === "text.delta" ? (event.data.text ?? "") : "";
}

/** Starts a run of the agent with this model, and returns its id. */
export async function startRun(url: string, key: string, model: string): Promise<string> {
  const body = { agent: agentOf(model), input: "go" };
  const headers = { authorization: `Bearer ${key}`, ...aKey() };
  const started = (await json(post(`${url}/api/runs`, body, headers))) as { runId: string };
  return started.runId;
}

/** The SDK sends one with each start, so that it may send it again. */
const aKey = (): { readonly "idempotency-key": string } => ({ "idempotency-key": randomUUID() });

const agentOf = (model: string): string => `bench-${model}`;

/** Pushes an agent with this model. */
export async function pushAgent(url: string, key: string, model: string): Promise<void> {
  const config = { name: agentOf(model), model: `openai-compatible/${model}` };
  await json(post(`${url}/api/agents`, { name: config.name, config }, { authorization: `Bearer ${key}` }));
}

function post(url: string, body: object, headers: Readonly<Record<string, string>> = {}): ClientRequest {
  const sent = request(url, { method: "POST", agent, headers: { "content-type": "application/json", ...headers } });
  sent.end(JSON.stringify(body));
  return sent;
}

async function answered(sent: ClientRequest): Promise<IncomingMessage> {
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  response.setEncoding("utf8");
  return response;
}

async function json(sent: ClientRequest): Promise<unknown> {
  const response = await answered(sent);
  let text = "";
  for await (const piece of response) text += piece as string;
  if ((response.statusCode ?? 500) >= 300) throw new Error(`${response.statusCode}: ${text}`);
  return JSON.parse(text);
}

/** Reads the tokens of a response with server-sent events to its end. */
export async function readTokens(sent: ClientRequest, textOf: (data: string) => string): Promise<TokenReader> {
  const response = await answered(sent);
  response.socket.setNoDelay(true);
  const reader = new TokenReader();
  let rest = "";
  for await (const piece of response) {
    const lines = (rest + (piece as string)).split("\n");
    rest = lines.pop() ?? "";
    const text = lines
      .flatMap((line) => (line.startsWith("data: {") ? [textOf(line.slice("data: ".length))] : []))
      .join("");
    reader.read(text);
  }
  return reader;
}
