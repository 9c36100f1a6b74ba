import { HsafaError } from "@hsafa/client";
import type { ReactNode } from "react";
import styles from "./failure-note.module.css";

/** Says what went wrong, in the gateway's own words, and what can be done. */
export function FailureNote(props: { readonly title: string; readonly error: Error; readonly children?: ReactNode }) {
  const { title, error, children } = props;
  const problem = error instanceof HsafaError ? error.problem : null;
  return (
    <div role="alert" className={styles.note}>
      <h2>{title}</h2>
      <p>{problem?.detail ?? error.message}</p>
      {problem !== null && (
        <p className={styles.meta}>
          {problem.code}, request {problem.requestId}
        </p>
      )}
      {children}
    </div>
  );
}
