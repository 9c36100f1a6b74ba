/** A chat page: what docs/react.md begins with. It shows tool calls, and asks before one goes out that needs it. */
import { type ShownMessage, useThread } from "@hsafa/client/react";

/** One conversation of the user who is logged in. */
export function Chat({ agent, thread }: { readonly agent: string; readonly thread: string }) {
  const chat = useThread(thread, { agent });
  return (
    <main>
      {chat.messages.map((message) => (
        <Message key={message.key} message={message} />
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
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const field = event.currentTarget.elements.namedItem("text") as HTMLInputElement;
          void chat.send(field.value);
          field.value = "";
        }}
      >
        <input name="text" placeholder="Ask something" required />
        <button>Send</button>
        {chat.isRunning && (
          <button type="button" onClick={() => void chat.stop()}>
            Stop
          </button>
        )}
      </form>
    </main>
  );
}

function Message({ message }: { readonly message: ShownMessage }) {
  if (message.role === "user") {
    const text = typeof message.content === "string" ? message.content : JSON.stringify(message.content);
    return (
      <p className="user">{text + (message.unsent?.error ? ` (not sent: ${message.unsent.error.message})` : "")}</p>
    );
  }
  return (
    <p className={`assistant ${message.state}`}>
      {message.parts.map((part, index) =>
        part.type === "text" ? (
          part.text
        ) : part.type === "tool" ? (
          <i key={index}>{`${part.toolName}: ${part.state} `}</i>
        ) : null,
      )}
    </p>
  );
}
