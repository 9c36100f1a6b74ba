/**
 * What a tool's round trip is compared with: the AI SDK's `streamText` with one commit for the call and one for its
 * answer. The process remembers the conversation. `POST /` with a user's message starts a stream, whose first
 * line names it. `POST /<stream>/<call>` answers a call. The arguments are the URLs of the model server and of
 * Postgres. Prints its URL.
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { jsonSchema, type ModelMessage, streamText, tool } from "ai";
import pg from "pg";

const [modelUrl = "", databaseUrl = ""] = process.argv.slice(2);
const provider = createOpenAICompatible({ name: "bench", baseURL: modelUrl });
const tools = { look: tool({ description: "Looks", inputSchema: jsonSchema({ type: "object" }) }) };
const database = new pg.Pool({ connectionString: databaseUrl });
await database.query("create schema pipe; create table pipe.kept (stream uuid not null, what jsonb not null)");

/** Who waits for the answer of a call. */
const waiting = new Map<string, (result: string) => void>();

async function keep(stream: string, what: object): Promise<void> {
  const values = [stream, JSON.stringify(what)];
  await database.query({ name: "keep", text: "insert into pipe.kept (stream, what) values ($1, $2)", values });
}

async function start(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const messages: ModelMessage[] = [{ role: "user", content: await text(request) }];
  const stream = randomUUID();
  await keep(stream, messages);
  const tell = (what: object): void => void response.write(`data: ${JSON.stringify(what)}\n\n`);
  response.writeHead(200, { "content-type": "text/event-stream" });
  tell({ stream });
  for (;;) {
    const said = streamText({ model: provider("tool"), messages, tools, maxRetries: 0 });
    for await (const fragment of said.textStream) tell({ text: fragment });
    const { messages: added } = await said.response;
    const [call] = await said.toolCalls;
    await keep(stream, added);
    messages.push(...added);
    if (call === undefined) break;
    const { toolCallId, toolName } = call;
    const answered = new Promise<string>((resolve) => waiting.set(`/${stream}/${toolCallId}`, resolve));
    tell({ call: toolCallId });
    const output = { type: "text" as const, value: await answered };
    messages.push({ role: "tool", content: [{ type: "tool-result", toolCallId, toolName, output }] });
  }
  response.end();
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? "";
  const result = await text(request);
  const [stream = "", call] = path.slice(1).split("/");
  await keep(stream, { call, result });
  response.writeHead(204).end();
  waiting.get(path)?.(result);
  waiting.delete(path);
}

const server = createServer((request, response) => {
  const served = request.url === "/" ? start(request, response) : answer(request, response);
  served.catch((error: unknown) => response.destroy(error as Error));
});
// Longer than any pause of a measurement: a busy client may send just when an idle connection is closed.
server.keepAliveTimeout = 120_000;
server.on("connection", (socket) => socket.setNoDelay(true));
server.listen(0, "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${(server.address() as { port: number }).port}`);
});
