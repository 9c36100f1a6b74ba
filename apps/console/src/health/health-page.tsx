import { HsafaError } from "@hsafa/client";
import { createSessionOperator } from "@hsafa/client/operator";
import type { Fleet, Run } from "@hsafa/protocol";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { EmptyNote } from "../elements/empty-note.tsx";
import { FailureNote } from "../elements/failure-note.tsx";
import { StatusLabel } from "../elements/status-mark.tsx";
import { TimeText, useNow } from "../elements/time-text.tsx";
import { useStandingError } from "../elements/use-standing-error.ts";
import { PageHeader } from "../frame/page-header.tsx";
import { FAILED_RUNS_SHOWN, FLEET_POLL_MS } from "../limits.ts";
import { useSignedIn } from "../session/session-gate.tsx";
import { grouped } from "../words/count.ts";
import { duration } from "../words/duration.ts";
import { shortId } from "../words/short-id.ts";
import { runStatusWords } from "../words/status-words.ts";
import { fleetNumbers } from "./fleet-numbers.ts";
import { GatewayTable } from "./gateway-table.tsx";
import { gatewayWords } from "./gateway-words.ts";
import { Sparkline } from "./sparkline.tsx";
import { troublesOf } from "./troubles-of.ts";
import { useSamples } from "./use-samples.ts";
import styles from "./health-page.module.css";

const operator = createSessionOperator({ url: location.origin });

/** How the gateways stand, what waits for them, and what went wrong last. */
export function HealthPage() {
  const fleet = useQuery({
    queryKey: ["fleet"],
    queryFn: ({ signal }) => operator.fleet.get({ signal }),
    refetchInterval: FLEET_POLL_MS,
    // The gateway has said who may ask.
    enabled: ({ state }) => !isForbidden(state.error),
  });
  const error = useStandingError("fleet", fleet);
  const isOnlyTenant = isForbidden(error);
  return (
    <>
      <PageHeader title="Health">
        <p className={styles.told} role="status">
          {toldOf(fleet.data, fleet.error, isOnlyTenant)}
        </p>
      </PageHeader>
      <div className={styles.page} tabIndex={0} role="region" aria-label="Health">
        {fleet.data !== undefined && <ShownFleet fleet={fleet.data} />}
        {isOnlyTenant && (
          <EmptyNote title="The gateways are shown to their operator alone">
            Sign in with the operator's key, which is <code>HSAFA_ADMIN_KEY</code> of the gateways. Below stands what
            went wrong in your own runs.
          </EmptyNote>
        )}
        {error !== null && !isOnlyTenant && <FailureNote title="The gateways could not be read" error={error} />}
        <FailedRuns />
      </div>
    </>
  );
}

function ShownFleet({ fleet }: { readonly fleet: Fleet }) {
  const samples = useSamples(fleet);
  const now = useNow();
  const troubles = troublesOf(fleet);
  return (
    <>
      <ul className={styles.numbers} aria-label="Numbers">
        {fleetNumbers(fleet).map(({ name, value, shown, about, isTrouble }) => (
          <li key={name} title={about} className={isTrouble ? styles.trouble : undefined}>
            <span>{name}</span>
            <b>{shown}</b>
            <Sparkline values={samples.get(name) ?? [value]} />
          </li>
        ))}
      </ul>
      <Section title="Gateways">
        <GatewayTable fleet={fleet} />
      </Section>
      <Section title="What they rest on">
        <dl className={styles.fields}>
          <div>
            <dt>Postgres</dt>
            <dd>
              <StatusLabel
                words={
                  fleet.storeFault === null
                    ? { word: "serves", tone: "completed" }
                    : { word: "does not", tone: "failed" }
                }
              />
              {fleet.storeFault ?? `answered in ${duration(fleet.storeMs)}`}
            </dd>
          </div>
          <div>
            <dt>Live log (Redis)</dt>
            <dd>
              {fleet.gateways.flatMap((gateway) =>
                gateway.report === null || gatewayWords(gateway, now).tone === "failed"
                  ? []
                  : [
                      <span key={gateway.id} className={styles.answer}>
                        <StatusLabel
                          words={
                            gateway.report.liveLogFault === null
                              ? { word: "serves", tone: "completed" }
                              : { word: "does not", tone: "failed" }
                          }
                        />
                        {gateway.report.liveLogFault} <code title={gateway.id}>{shortId(gateway.id)}</code>
                      </span>,
                    ],
              )}
            </dd>
          </div>
        </dl>
      </Section>
      <Section title="Due for longest">
        {fleet.oldestDue.length === 0 ? (
          <p className={styles.faint}>No run waits for a gateway.</p>
        ) : (
          <ul aria-label="Due runs">
            {fleet.oldestDue.map(({ runId, status, dueAt, recoveries }) => (
              <li key={runId} className={styles.line}>
                <StatusLabel words={runStatusWords(status)} />
                <Link to="/runs/$runId" params={{ runId }}>
                  {shortId(runId)}
                </Link>
                <span>
                  due <TimeText at={dueAt} />
                </span>
                <span className={styles.faint}>
                  {recoveries === 0 ? "" : `has lost ${grouped(recoveries)} gateways in a row`}
                </span>
              </li>
            ))}
          </ul>
        )}
      </Section>
      <Section title="Last troubles of the gateways">
        {troubles.length === 0 ? (
          <p className={styles.faint}>They have logged none since their start.</p>
        ) : (
          <ul aria-label="Troubles">
            {troubles.map(({ at, level, message, gatewayId }, index) => (
              <li key={index} className={styles.line}>
                <StatusLabel
                  words={level === "error" ? { word: "error", tone: "failed" } : { word: "warning", tone: "waiting" }}
                />
                <span className={styles.message}>{message}</span>
                <span className={styles.faint}>
                  <TimeText at={at} />
                </span>
                <code title={gatewayId}>{shortId(gatewayId)}</code>
              </li>
            ))}
          </ul>
        )}
      </Section>
    </>
  );
}

function FailedRuns() {
  const { client } = useSignedIn();
  const failed = useQuery({
    queryKey: ["failed-runs"],
    queryFn: ({ signal }) => client.runs.list({ status: "failed", limit: FAILED_RUNS_SHOWN }, { signal }),
    refetchInterval: FLEET_POLL_MS,
  });
  const { data } = failed;
  const error = useStandingError("failed", failed);
  return (
    <Section title="Last runs that failed">
      {error !== null && <FailureNote title="They could not be read" error={error} />}
      {data !== undefined && data.data.length === 0 && <p className={styles.faint}>None has failed.</p>}
      {data !== undefined && data.data.length > 0 && (
        <ul aria-label="Failed runs">
          {data.data.map((run) => (
            <FailedRun key={run.id} run={run} />
          ))}
        </ul>
      )}
    </Section>
  );
}

function FailedRun({ run }: { readonly run: Run }) {
  return (
    <li className={styles.line}>
      <StatusLabel words={runStatusWords(run.status)} />
      <Link to="/runs/$runId" params={{ runId: run.id }}>
        {run.agentName}
      </Link>
      <span className={styles.message}>{run.error === null ? "" : `${run.error.message} [${run.error.code}]`}</span>
      <span className={styles.faint}>
        <TimeText at={run.completedAt ?? run.createdAt} />
      </span>
    </li>
  );
}

function Section({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <section className={styles.section} aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

function toldOf(fleet: Fleet | undefined, error: Error | null, isOnlyTenant: boolean): string {
  if (isOnlyTenant) return "";
  if (error !== null && fleet !== undefined) return "the gateway does not answer; this may be old";
  return fleet === undefined ? "" : `told by the gateway ${shortId(fleet.servedBy)}`;
}

function isForbidden(error: Error | null): boolean {
  return error instanceof HsafaError && error.status === 403;
}
