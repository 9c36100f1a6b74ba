import { useNow } from "../elements/time-text.tsx";
import { duration } from "../words/duration.ts";
import type { Link } from "./record/run-feed.ts";
import styles from "./link-mark.module.css";

/** How the page stands to the run, in words. It is spoken when it changes. */
export function LinkMark({ link }: { readonly link: Link }) {
  return (
    <p className={`${styles.mark} ${styles[link.kind]}`} role="status">
      <span className={styles.dot} aria-hidden="true" />
      {wordOf(link)}
      {link.kind === "reconnecting" && <Since since={link.since} />}
    </p>
  );
}

function Since({ since }: { readonly since: number }) {
  return <span aria-hidden="true">&nbsp;for {duration(useNow() - since)}</span>;
}

function wordOf(link: Link): string {
  switch (link.kind) {
    case "opening":
      return "opening";
    case "live":
      return "live";
    case "reconnecting":
      return "reconnecting";
    case "ended":
      return "ended";
    case "failed":
      return "not connected";
    default:
      return link satisfies never;
  }
}
