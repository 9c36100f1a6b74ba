import type { Device, ToolCall } from "@hsafa/protocol";
import { Link, useSearch } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { EmptyNote } from "../elements/empty-note.tsx";
import { FailureNote } from "../elements/failure-note.tsx";
import { StatusLabel } from "../elements/status-mark.tsx";
import { TimeText } from "../elements/time-text.tsx";
import { useStandingError } from "../elements/use-standing-error.ts";
import { PageHeader } from "../frame/page-header.tsx";
import { CALLS_PAGE_ITEMS, DEVICES_POLL_MS } from "../limits.ts";
import { useSignedIn } from "../session/session-gate.tsx";
import { count } from "../words/count.ts";
import { DeviceDetails } from "./device-details.tsx";
import { deviceWords } from "./device-words.ts";
import styles from "./devices-page.module.css";

/** The devices of the tenant: which are there, what they offer, and what they do now. */
export function DevicesPage() {
  const { client } = useSignedIn();
  const { device: chosen } = useSearch({ from: "/devices" });
  const devices = useQuery({
    queryKey: ["devices"],
    queryFn: ({ signal }) => client.devices.list({ limit: CALLS_PAGE_ITEMS }, { signal }),
    refetchInterval: DEVICES_POLL_MS,
  });
  const inHand = useQuery({
    queryKey: ["calls-in-hand"],
    queryFn: ({ signal }) => client.toolCalls.list({ status: "dispatched", limit: CALLS_PAGE_ITEMS }, { signal }),
    refetchInterval: DEVICES_POLL_MS,
  });
  const error = useStandingError("devices", devices);
  const all = devices.data?.data ?? [];
  const online = all.filter((device) => device.online).length;
  return (
    <>
      <PageHeader title="Devices">
        <p className={styles.told} role="status">
          {devices.data === undefined ? "" : `${online} of ${count(all.length, "device")} online`}
          {devices.data?.nextCursor === null || devices.data === undefined ? "" : ", the newest of more"}
        </p>
      </PageHeader>
      {error !== null && <FailureNote title="The devices could not be read" error={error} />}
      {devices.data !== undefined && all.length === 0 && (
        <EmptyNote title="No device has connected yet" command="npx hsafa device">
          A device offers tools to agents: a laptop, a browser tab, a phone, a service.
        </EmptyNote>
      )}
      {all.length > 0 && (
        <div className={chosen === undefined ? styles.alone : styles.both}>
          <ul className={styles.list} aria-label="Devices">
            {all.map((device) => (
              <li key={device.id}>
                <DeviceRow
                  device={device}
                  calls={inHand.data?.data.filter(({ deviceId }) => deviceId === device.id) ?? []}
                  isChosen={device.id === chosen}
                />
              </li>
            ))}
          </ul>
          {chosen !== undefined && <DeviceDetails key={chosen} deviceId={chosen} />}
        </div>
      )}
    </>
  );
}

function DeviceRow(props: {
  readonly device: Device;
  readonly calls: readonly ToolCall[];
  readonly isChosen: boolean;
}) {
  const { device, calls, isChosen } = props;
  const { id, key, displayName, platform, tools, lastSeenAt, subject } = device;
  return (
    <Link to="/devices" search={{ device: id }} className={styles.row} aria-current={isChosen ? "true" : undefined}>
      <StatusLabel words={deviceWords(device)} />
      <b>{displayName ?? key}</b>
      <span className={styles.faint}>{[platform, subject].filter((one) => one !== null).join(", ")}</span>
      <span>{count(tools.length, "tool")}</span>
      <span className={styles.dots} title={`${count(calls.length, "call")} in hand`}>
        {calls.slice(0, 12).map((call) => (
          <i key={call.id} />
        ))}
        <span className="unseen">{count(calls.length, "call")} in hand</span>
      </span>
      <span className={styles.faint}>{lastSeenAt === null ? "" : <TimeText at={lastSeenAt} />}</span>
    </Link>
  );
}
