import { useState } from "react";
import { useSignedIn } from "../session/session-gate.tsx";
import { Composer } from "./composer.tsx";

/** Sends a message to a run in progress. */
export function SendMessage({ runId }: { readonly runId: string }) {
  const { client } = useSignedIn();
  const [sent, setSent] = useState("");
  return (
    <Composer
      label="Message to the run"
      placeholder="Say something to this run"
      rows={1}
      keyGroup="Acts"
      send={async (text) => {
        await client.runs.send(runId, text);
        setSent("The run takes the message before its next step.");
      }}
      onType={() => setSent("")}
      status={sent}
    />
  );
}
