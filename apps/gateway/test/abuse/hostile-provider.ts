import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Repeats the request's last message in an error. */
export const ECHO_MODEL = "echo-in-error";
/** Opens and closes parts without a character, for ever. */
export const EMPTY_PARTS_MODEL = "empty-parts";

const FRAMES_PER_WRITE = 500;

export interface HostileProvider {
  readonly url: string;
  close(): void;
}

/** Starts a server that speaks the chat completions of OpenAI, with bad intent. */
export async function startHostileProvider(): Promise<HostileProvider> {
  const server: Server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (piece: string) => {
      body += piece;
    });
    request.on("end", () => {
      const { model, messages } = JSON.parse(body) as { model: string; messages: { content: unknown }[] };
      if (model === EMPTY_PARTS_MODEL) return streamEmptyParts(response);
      response.writeHead(422, { "content-type": "application/json" });
      response.end(JSON.stringify({ detail: [{ msg: "Input should be shorter", input: messages.at(-1)?.content }] }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Text and reasoning in turn, so that each frame ends the part before it. */
function streamEmptyParts(response: ServerResponse): void {
  const frameOf = (delta: object): string =>
    `data: ${JSON.stringify({ id: "1", choices: [{ index: 0, delta, finish_reason: null }] })}\n\n`;
  const frames = (frameOf({ content: "" }) + frameOf({ reasoning_content: "" })).repeat(FRAMES_PER_WRITE);
  response.writeHead(200, { "content-type": "text/event-stream" });
  const write = (): void => {
    while (!response.destroyed && response.write(frames));
  };
  response.on("drain", write);
  write();
}
