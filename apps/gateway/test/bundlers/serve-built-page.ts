import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { chatBackend } from "../../../../examples/chat-backend.ts";

/** A page that a browser can open. */
export interface ServedPage {
  readonly url: string;
  close(): Promise<void>;
}

const TYPES: Readonly<Record<string, string>> = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };

/** Serves what a bundler wrote, with the page's backend. The page learns where the gateway is. */
export async function serveBuiltPage(
  folder: string,
  gateway: { readonly url: string; readonly apiKey: string },
  port: number,
): Promise<ServedPage> {
  const backend = chatBackend({ gatewayUrl: gateway.url, key: gateway.apiKey, agent: "echo", userOf: () => "visitor" });
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://page");
    const file = join(folder, pathname === "/" ? "index.html" : pathname);
    if (request.method !== "GET" || !existsSync(file)) {
      backend.emit("request", request, response);
      return;
    }
    response.setHeader("content-type", TYPES[extname(file)] ?? "application/octet-stream");
    response.end(readFileSync(file, "utf8").replace('data-gateway=""', `data-gateway="${gateway.url}"`));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${port}`,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
