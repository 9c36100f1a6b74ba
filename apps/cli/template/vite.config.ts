import { readFileSync } from "node:fs";
import { createClient } from "@hsafa/client";
import { defineConfig, type Plugin } from "vite";

/** The gateway of `hsafa dev` in this folder, which writes its address and its key here. */
const url = (): string => process.env["HSAFA_URL"] ?? textOf(".hsafa/url");
const key = (): string => process.env["HSAFA_API_KEY"] ?? textOf(".hsafa/key");

function textOf(file: string): string {
  return readFileSync(file, "utf8").trim();
}

/**
 * Gives the page a token for runs of the one agent, for a few minutes. The key stays here. Your own
 * backend does the same once your users log in, with a `subject` for each: see docs/chat-page.md of hsafa.
 */
function tokens(): Plugin {
  return {
    name: "hsafa-tokens",
    configureServer(server) {
      server.middlewares.use("/hsafa-token", (request, response) => {
        const answer = (status: number, body: object): void => {
          response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
          response.end(JSON.stringify(body));
        };
        if (request.method !== "POST") return answer(405, {});
        createClient({ url: url(), token: key() })
          .tokens.create({
            scopes: ["runs:start", "runs:send", "runs:cancel", "approvals:decide", "runs:read"],
            agents: ["assistant"],
            subject: "me",
          })
          .then(
            ({ token }) => answer(200, { token }),
            (error: unknown) => answer(502, { error: String(error) }),
          );
      });
    },
  };
}

// The page and the gateway are of one origin, so the gateway needs no setting for CORS.
export default defineConfig({
  plugins: [tokens()],
  server: { proxy: { "/api": { target: url(), ws: true }, "/devices": { target: url(), ws: true } } },
});
