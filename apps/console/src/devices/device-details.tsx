import type { DeviceDetail, DeviceSession, DeviceTool, ToolCall } from "@hsafa/protocol";
import { Link, useNavigate } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { mayDo } from "../actions/may-do.ts";
import { CopyButton } from "../elements/copy-button.tsx";
import { FailureNote } from "../elements/failure-note.tsx";
import { JsonTree } from "../elements/json-tree.tsx";
import { StatusLabel } from "../elements/status-mark.tsx";
import { TimeText } from "../elements/time-text.tsx";
import { useStandingError } from "../elements/use-standing-error.ts";
import { useKeys } from "../frame/keys.ts";
import { DEVICES_POLL_MS, LIST_PAGE_ITEMS } from "../limits.ts";
import { tookOf } from "../run/calls/took-of.ts";
import { useSignedIn } from "../session/session-gate.tsx";
import { shortId } from "../words/short-id.ts";
import { callStatusWords } from "../words/status-words.ts";
import { deviceWords } from "./device-words.ts";
import styles from "./devices-page.module.css";

const ToolTester = lazy(() =>
  import("./tester/tool-tester.tsx").then(({ ToolTester: tester }) => ({ default: tester })),
);

/** One device: its tools, its latest calls, and its connections. */
export function DeviceDetails({ deviceId }: { readonly deviceId: string }) {
  const { client } = useSignedIn();
  const navigate = useNavigate();
  const close = (): void => void navigate({ to: "/devices", search: {} });
  useKeys("Details", [{ keys: "Escape", does: "close the details", run: close }]);
  const device = useQuery({
    queryKey: ["device", deviceId],
    queryFn: ({ signal }) => client.devices.get(deviceId, { signal }),
    refetchInterval: DEVICES_POLL_MS,
  });
  const calls = useQuery({
    queryKey: ["device-calls", deviceId],
    queryFn: ({ signal }) => client.toolCalls.list({ deviceId, limit: LIST_PAGE_ITEMS }, { signal }),
    refetchInterval: DEVICES_POLL_MS,
  });
  const error = useStandingError(deviceId, device);
  if (device.data === undefined) {
    return error === null ? null : <FailureNote title="The device could not be read" error={error} />;
  }
  return (
    <aside className={styles.details} aria-label="Device">
      <header className={styles.header}>
        <h2>{device.data.displayName ?? device.data.key}</h2>
        <button type="button" onClick={close}>
          Close
        </button>
      </header>
      <div className={styles.body} tabIndex={0} role="region" aria-label="Content">
        <Facts device={device.data} />
        <h3>tools</h3>
        {device.data.tools.map((tool) => (
          <Tool key={tool.name} tool={tool} deviceKey={device.data.key} />
        ))}
        <h3>
          latest calls{" "}
          <Link to="/runs" search={{ device: device.data.key }}>
            all runs with it
          </Link>
        </h3>
        <Calls calls={calls.data?.data ?? []} />
        <h3>connections</h3>
        <Sessions sessions={device.data.sessions} />
      </div>
    </aside>
  );
}

function Facts({ device }: { readonly device: DeviceDetail }) {
  const labels = Object.entries(device.labels).map(([name, value]) => `${name}=${value}`);
  return (
    <dl className={styles.fields}>
      <div>
        <dt>state</dt>
        <dd>
          <StatusLabel words={deviceWords(device)} />
          {device.pairing.state === "waiting" && (
            <>
              . Enter it: <CopyButton text="npx hsafa devices pair <code>" title="Copy the command" />
            </>
          )}
        </dd>
      </div>
      <div>
        <dt>key</dt>
        <dd>
          <CopyButton text={device.key} title="Copy the key" />
        </dd>
      </div>
      {device.platform !== null && (
        <div>
          <dt>platform</dt>
          <dd>{device.platform}</dd>
        </div>
      )}
      {labels.length > 0 && (
        <div>
          <dt>labels</dt>
          <dd>{labels.join(", ")}</dd>
        </div>
      )}
      {device.subject !== null && (
        <div>
          <dt>user</dt>
          <dd>{device.subject}</dd>
        </div>
      )}
    </dl>
  );
}

function Tool({ tool, deviceKey }: { readonly tool: DeviceTool; readonly deviceKey: string }) {
  const { session } = useSignedIn();
  const [isOpen, setOpen] = useState(false);
  const [isTried, setTried] = useState(false);
  // Its agent is pushed if need be, and only who speaks for the operator gives a run tools of its own.
  const mayTry = mayDo(session, "agents:write") && mayDo(session, "runs:start") && session.kind === "api_key";
  return (
    <div className={styles.tool}>
      <div className={styles.name}>
        <button type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? "▾" : "▸"} <b>{tool.name}</b> {tool.description}
        </button>
        {mayTry && (
          <button
            type="button"
            className={styles.try}
            aria-expanded={isTried}
            aria-label={`Try it: ${tool.name}`}
            onClick={() => setTried(!isTried)}
          >
            Try it
          </button>
        )}
      </div>
      {isOpen && <JsonTree value={tool.inputSchema} />}
      {isTried && (
        <Suspense>
          <ToolTester deviceKey={deviceKey} tool={tool} />
        </Suspense>
      )}
    </div>
  );
}

function Calls({ calls }: { readonly calls: readonly ToolCall[] }) {
  if (calls.length === 0) return <p className={styles.faint}>none yet</p>;
  return (
    <ul>
      {calls.map((call) => (
        <li key={call.id} className={styles.line}>
          <StatusLabel words={callStatusWords(call.status)} />
          <Link to="/runs/$runId" params={{ runId: call.runId }} search={{ call: call.id }}>
            {call.toolName}
          </Link>
          <span className={styles.faint}>
            <TimeText at={call.requestedAt} />
          </span>
          <span>{tookOf(call)}</span>
        </li>
      ))}
    </ul>
  );
}

function Sessions({ sessions }: { readonly sessions: readonly DeviceSession[] }) {
  return (
    <ul>
      {sessions.map(({ id, gatewayId, connectedAt, disconnectedAt, reason }) => (
        <li key={id} className={styles.line}>
          <span>{disconnectedAt === null ? "connected" : (reason ?? "ended")}</span>
          <span className={styles.faint}>
            <TimeText at={connectedAt} />
            {disconnectedAt === null ? "" : " until "}
            {disconnectedAt !== null && <TimeText at={disconnectedAt} />}
          </span>
          <span className={styles.faint}>gateway {shortId(gatewayId)}</span>
        </li>
      ))}
    </ul>
  );
}
