import { HsafaProvider } from "@hsafa/client/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Chat } from "./chat.tsx";

async function getToken(): Promise<string> {
  const response = await fetch("/hsafa-token", { method: "POST" });
  return ((await response.json()) as { token: string }).token;
}

const place = document.getElementById("chat");
if (place !== null) {
  createRoot(place).render(
    <StrictMode>
      <HsafaProvider url={location.origin} token={getToken}>
        <Chat />
      </HsafaProvider>
    </StrictMode>,
  );
}
