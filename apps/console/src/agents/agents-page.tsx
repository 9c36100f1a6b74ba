import type { Agent } from "@hsafa/protocol";
import { Link } from "@tanstack/react-router";
import { EmptyNote } from "../elements/empty-note.tsx";
import { FailureNote } from "../elements/failure-note.tsx";
import { TimeText } from "../elements/time-text.tsx";
import { PageHeader } from "../frame/page-header.tsx";
import { useRowKeys } from "../frame/use-row-keys.ts";
import { count } from "../words/count.ts";
import { shortHash } from "../words/short-id.ts";
import { useAgents } from "./use-agents.ts";
import styles from "../elements/row-list.module.css";

/** The agents of the tenant, each with the version that new runs take. */
export function AgentsPage() {
  const { items, isLoading, error, hasMore, showMore } = useAgents();
  const list = useRowKeys<HTMLUListElement>("agent");
  return (
    <>
      <PageHeader title="Agents">
        <p className={styles.faint} role="status">
          {isLoading || error !== null ? "" : `${count(items.length, "agent")}${hasMore ? " and more" : ""}`}
        </p>
      </PageHeader>
      {error !== null && <FailureNote title="The agents could not be read" error={error} />}
      {!isLoading && error === null && items.length === 0 && (
        <EmptyNote title="There are no agents yet" command="npx hsafa push examples/assistant.json">
          An agent is a config with a name. Each push of another config makes a version of it.
        </EmptyNote>
      )}
      {items.length > 0 && (
        <div className={styles.list}>
          <ul ref={list} aria-label="Agents">
            {items.map((agent) => (
              <li key={agent.id}>
                <AgentRow agent={agent} />
              </li>
            ))}
          </ul>
          {hasMore && (
            <button type="button" className={styles.more} onClick={showMore}>
              More agents
            </button>
          )}
        </div>
      )}
    </>
  );
}

function AgentRow({ agent }: { readonly agent: Agent }) {
  const { name, description, currentVersion, updatedAt } = agent;
  return (
    <Link to="/agents/$agent" params={{ agent: name }} search={{}} className={`${styles.row} ${styles.agents}`}>
      <b>{name}</b>
      {currentVersion === null ? (
        <span className={styles.wide}>no version is promoted yet</span>
      ) : (
        <>
          <span>version {currentVersion.version}</span>
          <code className={styles.faint}>{shortHash(currentVersion.configHash)}</code>
        </>
      )}
      <span className={styles.model}>{modelOf(agent)}</span>
      <span className={styles.words}>
        <bdi>{currentVersion?.description ?? description ?? ""}</bdi>
      </span>
      <span className={styles.time}>
        <TimeText at={updatedAt} />
      </span>
    </Link>
  );
}

/** The model of the current version, for who may read configs. */
function modelOf({ currentVersion }: Agent): string {
  const model = currentVersion?.config?.["model"];
  return typeof model === "string" ? model : "";
}
