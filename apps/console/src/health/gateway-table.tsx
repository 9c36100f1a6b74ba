import type { Fleet, FleetGateway } from "@hsafa/protocol";
import { StatusLabel } from "../elements/status-mark.tsx";
import { TimeText, useNow } from "../elements/time-text.tsx";
import { grouped } from "../words/count.ts";
import { shortId } from "../words/short-id.ts";
import { gatewayWords } from "./gateway-words.ts";
import styles from "./health-page.module.css";

/** The gateways as rows: how each stands, and what it has in hand. */
export function GatewayTable({ fleet }: { readonly fleet: Fleet }) {
  return (
    <div className={styles.scroller} tabIndex={0} role="region" aria-label="All gateways">
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">state</th>
            <th scope="col">gateway</th>
            <th scope="col">heartbeat</th>
            <th scope="col">started</th>
            <th scope="col" title="Runs whose lease it holds">
              leases
            </th>
            <th scope="col">devices</th>
            <th scope="col">watchers</th>
            <th scope="col" title="Runs that it has claimed since its start">
              claims
            </th>
            <th scope="col" title="Of these, runs that another gateway had lost">
              recoveries
            </th>
          </tr>
        </thead>
        <tbody>
          {fleet.gateways.map((gateway) => (
            <GatewayRow key={gateway.id} gateway={gateway} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function GatewayRow({ gateway }: { readonly gateway: FleetGateway }) {
  const { id, startedAt, beatenAt, report } = gateway;
  const words = gatewayWords(gateway, useNow());
  const isGone = words.tone === "failed" || words.tone === "canceled";
  const told = (value: number | undefined): string => (value === undefined || isGone ? "–" : grouped(value));
  return (
    <tr className={isGone ? styles.faint : undefined}>
      <td>
        <StatusLabel words={words} />
      </td>
      <td>
        <code title={id}>{shortId(id)}</code>
      </td>
      <td>
        <TimeText at={beatenAt} />
      </td>
      <td>
        <TimeText at={startedAt} />
      </td>
      <td>{told(report?.runsHeld)}</td>
      <td>{told(report?.devices)}</td>
      <td>{told(report?.watchers)}</td>
      <td>{report === null ? "–" : grouped(report.claimedRuns)}</td>
      <td>{report === null ? "–" : grouped(report.recoveredRuns)}</td>
    </tr>
  );
}
