import type { Agent, AgentVersion, JsonObject } from "@hsafa/protocol";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { mayDo } from "../actions/may-do.ts";
import { DiffCount, DiffView } from "../differences/diff-view.tsx";
import { jsonLines } from "../differences/json-lines.ts";
import { CopyButton } from "../elements/copy-button.tsx";
import { FailureNote } from "../elements/failure-note.tsx";
import { JsonTree } from "../elements/json-tree.tsx";
import { TimeText } from "../elements/time-text.tsx";
import { useKeys } from "../frame/keys.ts";
import { PathHeader } from "../frame/path-header.tsx";
import { useRowKeys } from "../frame/use-row-keys.ts";
import { useSignedIn } from "../session/session-gate.tsx";
import { shortHash } from "../words/short-id.ts";
import { PromoteVersion } from "./promote-version.tsx";
import type { ReadList } from "../use-pages.ts";
import { useAgent, useAgentVersions } from "./use-agents.ts";
import styles from "./agent-page.module.css";

/** One agent: its versions, what each of them says, and what differs between two. */
export function AgentPage() {
  const { agent: name } = useParams({ from: "/agents/$agent" });
  const { agent, error } = useAgent(name);
  const versions = useAgentVersions(name);
  const { version: chosenId } = useSearch({ from: "/agents/$agent" });
  if (error !== null) {
    return (
      <>
        <PathHeader steps={[{ to: "/agents", title: "Agents" }]} title={name} />
        <FailureNote title="The agent could not be read" error={error} />
      </>
    );
  }
  if (agent === undefined || versions.isLoading) {
    return <PathHeader steps={[{ to: "/agents", title: "Agents" }]} title={name} />;
  }
  const current = agent.currentVersion;
  const chosen =
    versions.items.find(({ id }) => id === chosenId) ??
    versions.items.find(({ id }) => id === current?.id) ??
    versions.items[0];
  return (
    <>
      <PathHeader steps={[{ to: "/agents", title: "Agents" }]} title={agent.name}>
        <Link to="/runs" search={{ agent: agent.name }}>
          its runs
        </Link>
        <Link to="/agents/$agent/play" params={{ agent: agent.name }} search={{}}>
          playground
        </Link>
      </PathHeader>
      {chosen === undefined ? (
        <p className={styles.told}>The agent has no version.</p>
      ) : (
        <div className={styles.both}>
          <VersionList agent={agent} versions={versions} chosen={chosen} />
          <ChosenVersion key={chosen.id} agent={agent} versions={versions.items} chosen={chosen} />
        </div>
      )}
    </>
  );
}

function VersionList(props: {
  readonly agent: Agent;
  readonly versions: ReadList<AgentVersion>;
  readonly chosen: AgentVersion;
}) {
  const { agent, versions, chosen } = props;
  const list = useRowKeys<HTMLUListElement>("version");
  return (
    <div className={styles.list}>
      <ul ref={list} aria-label="Versions">
        {versions.items.map((version) => (
          <li key={version.id}>
            <Link
              to="/agents/$agent"
              params={{ agent: agent.name }}
              search={({ against }) => ({ version: version.id, ...(against === undefined ? {} : { against }) })}
              replace
              className={styles.version}
              aria-current={version.id === chosen.id ? "true" : undefined}
            >
              <b>{version.version}</b>
              <code>{shortHash(version.configHash)}</code>
              <span className={styles.current}>{version.id === agent.currentVersion?.id ? "current" : ""}</span>
              <small>
                <TimeText at={version.createdAt} />
                {version.description === null ? "" : `, ${version.description}`}
              </small>
            </Link>
          </li>
        ))}
      </ul>
      {versions.hasMore && (
        <button type="button" className={styles.more} onClick={versions.showMore}>
          Older versions
        </button>
      )}
    </div>
  );
}

function ChosenVersion(props: {
  readonly agent: Agent;
  readonly versions: readonly AgentVersion[];
  readonly chosen: AgentVersion;
}) {
  const { agent, versions, chosen } = props;
  const { session } = useSignedIn();
  const navigate = useNavigate();
  const { against } = useSearch({ from: "/agents/$agent" });
  const other = versions.find(({ id }) => id === against && id !== chosen.id);
  const before = versions[versions.findIndex(({ id }) => id === chosen.id) + 1];
  const compare = (id: string | undefined): void =>
    void navigate({
      to: "/agents/$agent",
      params: { agent: agent.name },
      search: { version: chosen.id, ...(id === undefined ? {} : { against: id }) },
      replace: true,
    });
  useKeys("Version", [
    {
      keys: "c",
      does: "compare with the version before, or no longer",
      run: () => compare(other === undefined ? before?.id : undefined),
    },
  ]);
  return (
    <section className={styles.chosen} aria-label={`Version ${chosen.version}`}>
      <div className={styles.line}>
        <h2>version {chosen.version}</h2>
        <CopyButton text={chosen.configHash} shown={shortHash(chosen.configHash)} title="Copy the hash" />
        {chosen.id === agent.currentVersion?.id && <span className={styles.current}>current: new runs take it</span>}
        <span className={styles.acts}>
          <Link to="/runs" search={{ version: chosen.id }} className={styles.link}>
            Its runs
          </Link>
          <Link
            to="/agents/$agent/play"
            params={{ agent: agent.name }}
            search={{ version: chosen.id }}
            className={styles.link}
          >
            Try it
          </Link>
          {chosen.id !== agent.currentVersion?.id && mayDo(session, "agents:write") && (
            <PromoteVersion agent={agent} version={chosen} />
          )}
        </span>
      </div>
      {chosen.description !== null && <p className={styles.told}>{chosen.description}</p>}
      {versions.length > 1 && (
        <p className={styles.compare}>
          <label htmlFor="against">compare with</label>
          <select id="against" value={other?.id ?? ""} onChange={({ target }) => compare(target.value || undefined)}>
            <option value="">no other version</option>
            {versions
              .filter(({ id }) => id !== chosen.id)
              .map(({ id, version, configHash }) => (
                <option key={id} value={id}>
                  version {version}, {shortHash(configHash)}
                  {id === agent.currentVersion?.id ? ", current" : ""}
                </option>
              ))}
          </select>
        </p>
      )}
      <Config chosen={chosen.config} other={other} version={chosen.version} />
    </section>
  );
}

function Config(props: {
  readonly chosen: JsonObject | undefined;
  readonly other: AgentVersion | undefined;
  readonly version: string;
}) {
  const { chosen, other, version } = props;
  const after = useMemo(() => (chosen === undefined ? [] : jsonLines(chosen)), [chosen]);
  const before = useMemo(() => (other?.config === undefined ? [] : jsonLines(other.config)), [other]);
  if (chosen === undefined) {
    return <p className={styles.told}>Who may push agents reads their configs: the scope agents:write.</p>;
  }
  if (other === undefined) return <JsonTree value={chosen} />;
  return (
    <>
      <p className={styles.told} role="status">
        What version {version} says otherwise than version {other.version}: <DiffCount before={before} after={after} />
      </p>
      <DiffView before={before} after={after} label={`From version ${other.version} to version ${version}`} />
    </>
  );
}
