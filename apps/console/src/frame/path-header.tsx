import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import styles from "./page-header.module.css";

/** A place above the page. */
export interface PathStep {
  readonly to: "/agents" | "/runs" | "/threads" | "/agents/$agent";
  /** Of an agent's page: its name. */
  readonly agent?: string;
  readonly title: string;
}

/** The line at the top of a page that lies within another one: the way to it, its name, and what can be done. */
export function PathHeader(props: {
  readonly steps: readonly PathStep[];
  readonly title: string;
  readonly children?: ReactNode;
}) {
  const { steps, title, children } = props;
  return (
    <header className={styles.header}>
      <nav aria-label="Breadcrumb" className={styles.path}>
        {steps.map(({ to, agent, title: name }) => (
          <span key={name}>
            <Link to={to} {...(agent === undefined ? {} : { params: { agent } })} search={{}}>
              {name}
            </Link>
            <span aria-hidden="true"> /</span>
          </span>
        ))}
        <h1>{title}</h1>
      </nav>
      {children}
    </header>
  );
}
