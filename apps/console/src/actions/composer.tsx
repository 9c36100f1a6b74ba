import { type FormEvent, type KeyboardEvent, type ReactNode, useRef, useState } from "react";
import { useKeys } from "../frame/keys.ts";
import { useAct } from "./use-act.ts";
import styles from "./actions.module.css";

/** A field for a message. Enter sends it, a line is broken by Shift and Enter, and `m` leads to it. */
export function Composer(props: {
  readonly label: string;
  readonly placeholder: string;
  readonly rows: number;
  /** The heading of its key in the list of keys. */
  readonly keyGroup: string;
  readonly autoFocus?: boolean;
  /** Whether nothing can be sent now. */
  readonly isOff?: boolean;
  /** What it rejects with is shown, and the text stays. */
  readonly send: (text: string) => Promise<unknown>;
  readonly onType?: () => void;
  /** Shown while nothing has failed. */
  readonly status: string;
  /** Beside the button that sends. */
  readonly sides?: ReactNode;
  /** Below the field. */
  readonly children?: ReactNode;
}) {
  const { label, placeholder, rows, keyGroup, autoFocus = false, isOff = false, send, onType } = props;
  const { status, sides, children } = props;
  const [text, setText] = useState("");
  const { act, isActing, fault } = useAct();
  const field = useRef<HTMLTextAreaElement>(null);
  useKeys(keyGroup, [{ keys: "m", does: "write a message", run: () => field.current?.focus() }]);
  const said = text.trim();
  const maySend = said !== "" && !isActing && !isOff;

  async function submit(event?: FormEvent): Promise<void> {
    event?.preventDefault();
    if (maySend && (await act(() => send(said)))) setText("");
  }

  function onKey(event: KeyboardEvent): void {
    if (event.key === "Escape") field.current?.blur();
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void submit();
  }

  return (
    <form className={styles.message} onSubmit={(event) => void submit(event)}>
      <textarea
        ref={field}
        autoFocus={autoFocus}
        aria-label={label}
        placeholder={placeholder}
        rows={rows}
        value={text}
        onChange={({ target }) => {
          setText(target.value);
          onType?.();
        }}
        onKeyDown={onKey}
      />
      <span className={styles.sides}>
        <button type="submit" className={styles.main} disabled={!maySend}>
          Send
        </button>
        {sides}
      </span>
      {children}
      <p role="status">{fault ?? status}</p>
    </form>
  );
}
