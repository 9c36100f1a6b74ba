/**
 * What hsafa is compared with where a stream is resumed: the AI SDK's `streamText` through `resumable-stream`, which
 * keeps the text in Redis. `GET /<model>?id=<id>` starts a stream, `GET /<model>?id=<id>&skip=<characters>` resumes it.
 * The arguments are the URLs of the model server and of Redis. Prints its URL.
 */
import { createServer } from "node:http";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { createClient } from "@redis/client";
import { streamText } from "ai";
import { createResumableStreamContext, type Publisher, type Subscriber } from "resumable-stream/generic";

const [modelUrl = "", redisUrl = ""] = process.argv.slice(2);
const provider = createOpenAICompatible({ name: "bench", baseURL: modelUrl });
const publisher = createClient({ url: redisUrl });
const subscriber = createClient({ url: redisUrl });
await Promise.all([publisher.connect(), subscriber.connect()]);
const publishes: Publisher = {
  connect: () => Promise.resolve(),
  publish: (channel, message) => publisher.publish(channel, message),
  set: (name, value, options) => publisher.set(name, value, options?.EX === undefined ? {} : { EX: options.EX }),
  get: (name) => publisher.get(name),
  incr: (name) => publisher.incr(name),
};
const subscribes: Subscriber = {
  connect: () => Promise.resolve(),
  subscribe: (channel, callback) => subscriber.subscribe(channel, callback),
  unsubscribe: (channel) => subscriber.unsubscribe(channel),
};
const streams = createResumableStreamContext({ waitUntil: null, publisher: publishes, subscriber: subscribes });

/** The frames of a stream that a model answers. */
function makeStream(model: string): ReadableStream<string> {
  const { textStream } = streamText({ model: provider(model), prompt: "go", maxRetries: 0 });
  return textStream.pipeThrough(
    new TransformStream<string, string>({
      transform: (text, controller) => controller.enqueue(`data: ${JSON.stringify({ text })}\n\n`),
    }),
  );
}

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1");
  const id = searchParams.get("id") ?? "";
  const skip = searchParams.get("skip");
  const answer = async (): Promise<void> => {
    const stream =
      skip === null
        ? await streams.createNewResumableStream(id, () => makeStream(pathname.slice(1)))
        : await streams.resumeExistingStream(id, Number(skip));
    // It knows no such stream, or only that it has ended.
    if (stream === undefined || stream === null) return void response.writeHead(404).end();
    response.writeHead(200, { "content-type": "text/event-stream" });
    for await (const text of stream) {
      if (!response.write(text)) await new Promise<void>((resolve) => response.once("drain", resolve));
    }
    response.end();
  };
  answer().catch((error: unknown) => response.destroy(error as Error));
});
// Longer than any pause of a measurement: a busy client may send just when an idle connection is closed.
server.keepAliveTimeout = 120_000;
server.on("connection", (socket) => socket.setNoDelay(true));
server.listen(0, "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${(server.address() as { port: number }).port}`);
});
