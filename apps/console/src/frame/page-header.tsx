import type { ReactNode } from "react";
import styles from "./page-header.module.css";

/** The line at the top of a page: what it shows, and what can be done there. */
export function PageHeader(props: { readonly title: string; readonly children?: ReactNode }) {
  return (
    <header className={styles.header}>
      <h1>{props.title}</h1>
      {props.children}
    </header>
  );
}
