import type { ReactNode } from "react";
import { CopyButton } from "./copy-button.tsx";
import styles from "./empty-note.module.css";

/** Stands in place of a list that has nothing, and says what fills it. */
export function EmptyNote(props: { readonly title: string; readonly command?: string; readonly children?: ReactNode }) {
  const { title, command, children } = props;
  return (
    <div className={styles.note}>
      <h2>{title}</h2>
      {children !== undefined && <p>{children}</p>}
      {command !== undefined && (
        <p className={styles.command}>
          <code>{command}</code>
          <CopyButton text={command} shown="copy" title="Copy the command" />
        </p>
      )}
    </div>
  );
}
