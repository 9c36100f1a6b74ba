import { type ShownMessage, useThread } from "@hsafa/client/react";
import type { FormEvent } from "react";

/** One conversation. A reload finds it again, and other tabs see it too. */
export function Chat() {
  const chat = useThread("inbox", { agent: "assistant" });

  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const form = event.currentTarget;
    void chat.send(String(new FormData(form).get("text")));
    form.reset();
  }

  return (
    <>
      {chat.messages.map((message) => (
        <article key={message.key}>
          <b>{message.role}</b> <Said message={message} />
        </article>
      ))}
      {chat.questions.map((question) => (
        <p key={question.call.callId}>
          May I call {question.call.toolName} with {JSON.stringify(question.call.args)}?
          <button onClick={() => void chat.decide(question, true)}>Yes</button>
          <button onClick={() => void chat.decide(question, false)}>No</button>
        </p>
      ))}
      {!chat.isConnected && <p role="status">Connecting again …</p>}
      {chat.error !== null && <p role="alert">{chat.error.message}</p>}
      <form onSubmit={submit}>
        <input name="text" aria-label="Message" defaultValue="What time is it?" required autoFocus />
        <button>Send</button>
        {chat.isRunning && (
          <button type="button" onClick={() => void chat.stop()}>
            Stop
          </button>
        )}
      </form>
    </>
  );
}

function Said({ message }: { readonly message: ShownMessage }) {
  if (message.role === "user") {
    return typeof message.content === "string" ? message.content : JSON.stringify(message.content);
  }
  return message.parts.map((part, index) => {
    if (part.type === "text") return <p key={index}>{part.text}</p>;
    if (part.type === "tool") return <p key={index}>{`${part.toolName}: ${part.state}`}</p>;
    return null;
  });
}
