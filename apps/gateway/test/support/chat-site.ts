import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { chatBackend } from "../../../../examples/chat-backend.ts";
import { bundledPage } from "./bundled-page.ts";

/** The chat of examples/chat on a server of its own, with its backend. */
export interface ChatSite {
  readonly origin: string;
  /** The page of a user, who talks to an agent. */
  pageOf(user: string, agent: string): string;
  /** The gateway is known only once the site has its origin. */
  useGateway(gateway: { readonly url: string; readonly key: string }): void;
  close(): Promise<void>;
}

/** Builds the page and serves it. */
export async function startChatSite(): Promise<ChatSite> {
  const code = await bundledPage({ path: "examples/chat/main.tsx" });
  let gateway = { url: "", key: "" };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://site");
    if (url.pathname === "/page.js") {
      response.setHeader("content-type", "text/javascript").end(code);
      return;
    }
    if (url.pathname === "/") {
      const agent = url.searchParams.get("agent") ?? "";
      response
        .setHeader("content-type", "text/html")
        .end(
          `<!doctype html><html data-gateway="${gateway.url}" data-agent="${agent}"><div id="root"></div><script type="module" src="/page.js"></script></html>`,
        );
      return;
    }
    // As a login would: the page itself says nothing of who its user is.
    const page = new URL(request.headers.referer ?? "http://site/").searchParams;
    const userOf = (): string | null => page.get("user");
    const { url: gatewayUrl, key } = gateway;
    chatBackend({ gatewayUrl, key, agent: page.get("agent") ?? "", userOf }).emit("request", request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    pageOf: (user, agent) => `${origin}/?user=${user}&agent=${agent}`,
    useGateway(next) {
      gateway = next;
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
