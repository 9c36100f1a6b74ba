import type { Agent } from "@hsafa/protocol";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useAgentVersions } from "../agents/use-agents.ts";
import { CALLS_PAGE_ITEMS, DEVICES_POLL_MS } from "../limits.ts";
import { useSignedIn } from "../session/session-gate.tsx";
import { shortHash, shortId } from "../words/short-id.ts";
import styles from "./playground-page.module.css";

/** Which version speaks, from which device its runs start, and in which conversation. */
export function PlaygroundChoices({ agent }: { readonly agent: Agent }) {
  const { client } = useSignedIn();
  const { version, device, thread } = useSearch({ from: "/agents/$agent/play" });
  const navigate = useNavigate({ from: "/agents/$agent/play" });
  const versions = useAgentVersions(agent.name);
  const devices = useQuery({
    queryKey: ["devices"],
    queryFn: ({ signal }) => client.devices.list({ limit: CALLS_PAGE_ITEMS }, { signal }),
    refetchInterval: DEVICES_POLL_MS,
  });
  const choose = (change: { readonly version?: string; readonly device?: string }): void =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true });
  const current = agent.currentVersion;
  return (
    <div className={styles.choices}>
      <label>
        version
        <select value={version ?? ""} onChange={({ target }) => choose({ version: target.value || undefined })}>
          <option value="">current{current === null ? "" : `: ${current.version}`}</option>
          {versions.items.map(({ id, version: label, configHash }) => (
            <option key={id} value={id}>
              {label}, {shortHash(configHash)}
            </option>
          ))}
        </select>
      </label>
      <label title="Tools that go to the device from which a run is started go to this one">
        from device
        <select value={device ?? ""} onChange={({ target }) => choose({ device: target.value || undefined })}>
          <option value="">none</option>
          {devices.data?.data.map(({ id, key, displayName, online }) => (
            <option key={id} value={key}>
              {displayName ?? key}
              {online ? "" : " (away)"}
            </option>
          ))}
        </select>
      </label>
      {thread !== undefined && (
        <>
          <Link to="/threads/$thread" params={{ thread }}>
            thread {shortId(thread)}
          </Link>
          <button
            type="button"
            className={styles.fresh}
            onClick={() => void navigate({ search: (before) => ({ ...before, thread: undefined }) })}
          >
            New conversation
          </button>
        </>
      )}
    </div>
  );
}
