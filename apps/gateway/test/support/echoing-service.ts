import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { htmlOf } from "./forms-of.ts";

/** A service that repeats what it is sent, as badly as it can. */
export interface EchoingService {
  readonly url: string;
  close(): void;
}

/** Starts one. It is asked at `/json`, `/text` and `/lost`; any other path is an error. */
export async function startEchoingService(): Promise<EchoingService> {
  const server = createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** What a service says of a request: all that it was sent, in every encoding that it knows. */
function echo(request: IncomingMessage): string {
  const { authorization = "", cookie = "", "x-api-key": key = "" } = request.headers;
  const query = [...new URL(request.url ?? "", "http://x/").searchParams.values()];
  const basic = Buffer.from(authorization.replace(/^basic /i, ""), "base64").toString();
  const sent = [authorization, cookie, String(key), basic, ...query].filter((text) => text !== "");
  const said = sent.flatMap((text) => [
    text,
    encodeURIComponent(text),
    new URLSearchParams({ text }).toString(),
    encodeURIComponent(text).replaceAll(/%../g, (code) => code.toLowerCase()),
    encodeURIComponent(encodeURIComponent(text)),
    encodeURIComponent(Buffer.from(text).toString("base64")),
    Buffer.from(text).toString("hex"),
    Buffer.from(text).toString("hex").toUpperCase(),
    Buffer.from(text).toString("hex").replaceAll(/../g, "%$&"),
    ...["", "x", "xy"].map((before) => Buffer.from(before + text).toString("base64")),
    ...["", "x", "xy"].map((before) => Buffer.from(before + text).toString("base64url")),
    JSON.stringify(text),
    JSON.stringify(JSON.stringify(text)),
    htmlOf(text),
  ]);
  return JSON.stringify({ said, url: request.url, headers: request.headers });
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const { pathname } = new URL(request.url ?? "", "http://x/");
  switch (pathname) {
    case "/json":
      response.setHeader("content-type", "application/json").end(echo(request));
      break;
    case "/text":
      response.end(echo(request));
      break;
    case "/lost":
      response.writeHead(200, { "content-length": "100000" });
      response.write(echo(request), () => setImmediate(() => response.destroy()));
      break;
    default:
      response.writeHead(pathname === "/v1/chat/completions" ? 401 : 500).end(echo(request));
  }
}
