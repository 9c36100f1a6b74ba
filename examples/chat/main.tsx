/** Shows the chat in the page, with a token of the page's own backend (examples/chat-backend.ts). */
import { HsafaProvider } from "@hsafa/client/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Chat } from "./chat.tsx";

const { gateway = location.origin, agent = "support" } = document.documentElement.dataset;

async function getToken(): Promise<string> {
  const response = await fetch("/hsafa-token", { method: "POST" });
  return ((await response.json()) as { readonly token: string }).token;
}

const root = document.getElementById("root");
if (root !== null)
  createRoot(root).render(
    <StrictMode>
      <HsafaProvider url={gateway} token={getToken}>
        <Chat agent={agent} thread="inbox" />
      </HsafaProvider>
    </StrictMode>,
  );
