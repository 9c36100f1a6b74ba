import type { Thread } from "@hsafa/protocol";
import { Link } from "@tanstack/react-router";
import { EmptyNote } from "../elements/empty-note.tsx";
import { FailureNote } from "../elements/failure-note.tsx";
import { TimeText } from "../elements/time-text.tsx";
import { PageHeader } from "../frame/page-header.tsx";
import { useRowKeys } from "../frame/use-row-keys.ts";
import { useSignedIn } from "../session/session-gate.tsx";
import { usePages } from "../use-pages.ts";
import { count } from "../words/count.ts";
import { shortId } from "../words/short-id.ts";
import { threadTitle } from "./thread-title.ts";
import styles from "../elements/row-list.module.css";

/** The conversations of the tenant, newest first. */
export function ThreadsPage() {
  const { client } = useSignedIn();
  const { items, isLoading, error, hasMore, showMore } = usePages(["threads"], (query, signal) =>
    client.threads.list(query, { signal }),
  );
  const list = useRowKeys<HTMLUListElement>("thread");
  return (
    <>
      <PageHeader title="Threads">
        <p className={styles.faint} role="status">
          {isLoading || error !== null ? "" : `${count(items.length, "thread")}${hasMore ? " and more" : ""}`}
        </p>
      </PageHeader>
      {error !== null && <FailureNote title="The threads could not be read" error={error} />}
      {!isLoading && error === null && items.length === 0 && (
        <EmptyNote title="There are no threads yet" command={`npx hsafa run <agent> "Hello" --thread first`}>
          A thread is a conversation: runs that take turns, and know what was said before.
        </EmptyNote>
      )}
      {items.length > 0 && (
        <div className={styles.list}>
          <ul ref={list} aria-label="Threads">
            {items.map((thread) => (
              <li key={thread.id}>
                <ThreadRow thread={thread} />
              </li>
            ))}
          </ul>
          {hasMore && (
            <button type="button" className={styles.more} onClick={showMore}>
              Older threads
            </button>
          )}
        </div>
      )}
    </>
  );
}

function ThreadRow({ thread }: { readonly thread: Thread }) {
  const { id, key, title, subject, branchedFrom, createdAt } = thread;
  return (
    <Link to="/threads/$thread" params={{ thread: id }} className={`${styles.row} ${styles.threads}`}>
      <b>
        <bdi>{threadTitle(thread)}</bdi>
      </b>
      <code className={styles.faint}>{shortId(id)}</code>
      <span className={styles.words}>
        <bdi>
          {[
            title === null || key === null ? "" : `key ${key}`,
            subject === null ? "" : `for ${subject}`,
            branchedFrom === null ? "" : "a branch",
          ]
            .filter((part) => part !== "")
            .join(", ")}
        </bdi>
      </span>
      <span className={styles.time}>
        <TimeText at={createdAt} />
      </span>
    </Link>
  );
}
