import type { JsonValue, ToolCall } from "@hsafa/protocol";
import { type FormEvent, useState } from "react";
import { useSignedIn } from "../session/session-gate.tsx";
import { CopyAs } from "./copy-as.tsx";
import { useAct } from "./use-act.ts";
import styles from "./actions.module.css";

/** Gives the result of a call that any program may give. The first one counts. */
export function AnswerCall({ call }: { readonly call: ToolCall }) {
  const { client } = useSignedIn();
  const [text, setText] = useState("");
  const { act, isActing, fault } = useAct();
  const { runId, id: callId, toolName } = call;
  const result = asJson(text);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    if (text.trim() !== "") await act(() => client.runs.submitToolResult(runId, { callId, result }));
  }

  return (
    <form className={styles.decision} onSubmit={(event) => void submit(event)}>
      <label htmlFor={`answer-${callId}`}>Answer {toolName} yourself</label>
      <textarea
        id={`answer-${callId}`}
        rows={3}
        value={text}
        spellCheck={false}
        onChange={({ target }) => setText(target.value)}
        placeholder={`a text, or JSON such as {"ok": true}`}
      />
      <p className={styles.meta}>
        {text.trim() === "" ? "" : `It is sent as ${typeof result === "string" ? "a text" : "JSON"}.`}
      </p>
      <div className={styles.row}>
        <button type="submit" className={styles.main} disabled={isActing || text.trim() === ""}>
          Answer
        </button>
        <CopyAs call={{ kind: "answer", runId, callId, result: JSON.stringify(result) }} />
      </div>
      {fault !== null && (
        <p role="alert" className={styles.fault}>
          {fault}
        </p>
      )}
    </form>
  );
}

/** What a person wrote, as JSON where it is JSON. */
function asJson(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}
