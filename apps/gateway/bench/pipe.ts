/**
 * What hsafa is compared with: the AI SDK's `streamText` piped into one HTTP response, in one process, without storage
 * or tools. `GET /<model>` streams. The first argument is the model server's URL. Prints its URL.
 */
import { createServer } from "node:http";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { streamText } from "ai";

const provider = createOpenAICompatible({ name: "bench", baseURL: process.argv[2] ?? "" });

const server = createServer((request, response) => {
  const result = streamText({ model: provider((request.url ?? "/").slice(1)), prompt: "go", maxRetries: 0 });
  response.writeHead(200, { "content-type": "text/event-stream" });
  const pipe = async (): Promise<void> => {
    for await (const text of result.textStream) {
      if (!response.write(`data: ${JSON.stringify({ text })}\n\n`)) {
        await new Promise<void>((resolve) => response.once("drain", resolve));
      }
    }
    response.end();
  };
  pipe().catch((error: unknown) => response.destroy(error as Error));
});
// Longer than any pause of a measurement: a busy client may send just when an idle connection is closed.
server.keepAliveTimeout = 120_000;
server.on("connection", (socket) => socket.setNoDelay(true));
server.listen(0, "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${(server.address() as { port: number }).port}`);
});
