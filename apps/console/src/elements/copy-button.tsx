import { useEffect, useState } from "react";
import { COPIED_SHOWN_MS } from "../limits.ts";
import styles from "./copy-button.module.css";

/** Copies a text. `shown`: what the button says; the text itself if left out. */
export function CopyButton(props: { readonly text: string; readonly shown?: string; readonly title?: string }) {
  const { text, shown = text, title = "Copy" } = props;
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return undefined;
    const timer = setTimeout(() => setCopied(false), COPIED_SHOWN_MS);
    return () => clearTimeout(timer);
  }, [isCopied]);
  return (
    <button
      type="button"
      className={styles.button}
      title={`${title}: ${text}`}
      onClick={() => void navigator.clipboard.writeText(text).then(() => setCopied(true))}
    >
      {isCopied ? "copied" : shown}
      <span className="unseen" aria-live="polite">
        {isCopied ? "copied" : ""}
      </span>
    </button>
  );
}
