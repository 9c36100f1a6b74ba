import type { FactEvent, ToolCall } from "@hsafa/protocol";
import type { ReactNode } from "react";
import { CopyButton } from "../elements/copy-button.tsx";
import { JsonTree } from "../elements/json-tree.tsx";
import { StatusLabel } from "../elements/status-mark.tsx";
import { ClockTime } from "../elements/time-text.tsx";
import { useKeys } from "../frame/keys.ts";
import { duration } from "../words/duration.ts";
import { callStatusWords } from "../words/status-words.ts";
import { executorOf } from "./calls/executor-of.ts";
import styles from "./inspector.module.css";

/** What stands beside the list: one fact, or one call, as it is. */
export type Inspected =
  | { readonly kind: "fact"; readonly fact: FactEvent; readonly link: string | null }
  | { readonly kind: "call"; readonly call: ToolCall };

/** Shows one thing whole. */
export function Inspector(props: {
  readonly inspected: Inspected;
  readonly onClose: () => void;
  readonly children?: ReactNode;
}) {
  const { inspected, onClose, children } = props;
  useKeys("Details", [{ keys: "Escape", does: "close the details", run: onClose }]);
  return (
    <aside className={styles.inspector} aria-label="Details">
      <header className={styles.header}>
        <h2>{inspected.kind === "fact" ? inspected.fact.type : inspected.call.toolName}</h2>
        <button type="button" className={styles.close} onClick={onClose}>
          Close
        </button>
      </header>
      <div className={styles.body} tabIndex={0} role="region" aria-label="Content">
        {children}
        {inspected.kind === "fact" ? (
          <FactDetails fact={inspected.fact} link={inspected.link} />
        ) : (
          <CallDetails call={inspected.call} />
        )}
      </div>
    </aside>
  );
}

function FactDetails({ fact, link }: { readonly fact: FactEvent; readonly link: string | null }) {
  return (
    <>
      <dl className={styles.fields}>
        <Field name="position">
          <CopyButton text={fact.id} title="Copy the position" />
        </Field>
        <Field name="when">
          <ClockTime at={fact.ts} />
        </Field>
        {link !== null && (
          <Field name="link">
            <CopyButton text={link} shown="copy the link to this position" title="Copy" />
          </Field>
        )}
      </dl>
      <JsonTree value={fact.data as unknown as Parameters<typeof JsonTree>[0]["value"]} />
    </>
  );
}

function CallDetails({ call }: { readonly call: ToolCall }) {
  const { id, args, result, error, attempts, approval, status } = call;
  return (
    <>
      <dl className={styles.fields}>
        <Field name="state">
          <StatusLabel words={callStatusWords(status)} />
        </Field>
        <Field name="call">
          <CopyButton text={id} title="Copy the id" />
        </Field>
        <Field name="executes on">{executorOf(call)}</Field>
        <Field name="step">{call.step}</Field>
        {attempts > 1 && <Field name="attempts">{attempts}</Field>}
        {stagesOf(call).map(({ name, at, after }) => (
          <Field key={name} name={name}>
            <ClockTime at={at} />
            {after === null ? "" : ` +${duration(after)}`}
          </Field>
        ))}
        {approval?.decision !== null && approval?.decision !== undefined && (
          <Field name={approval.decision.approved ? "approved by" : "denied by"}>{approval.decision.by}</Field>
        )}
      </dl>
      {status !== "awaiting_approval" && (
        <>
          <h3>arguments</h3>
          <JsonTree value={args} />
        </>
      )}
      {status === "completed" && (
        <>
          <h3>result</h3>
          <JsonTree value={result} />
        </>
      )}
      {error !== null && (
        <>
          <h3>error</h3>
          <p className={styles.error}>{`${error.message} [${error.code}]`}</p>
        </>
      )}
    </>
  );
}

function Field({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** The times of a call in their order, each with how long it took since the one before. */
function stagesOf(call: ToolCall): { readonly name: string; readonly at: string; readonly after: number | null }[] {
  const { requestedAt, dispatchedAt, sentAt, acceptedAt, settledAt, deadline } = call;
  const stages = (
    [
      ["requested", requestedAt],
      ["dispatched", dispatchedAt],
      ["sent", sentAt],
      ["accepted", acceptedAt],
      ["settled", settledAt],
    ] as const
  ).flatMap(([name, at]) => (at === null ? [] : [{ name, at }]));
  const timed = stages.map((stage, index) => {
    const before = stages[index - 1];
    return { ...stage, after: before === undefined ? null : Date.parse(stage.at) - Date.parse(before.at) };
  });
  return settledAt === null && deadline !== null ? [...timed, { name: "deadline", at: deadline, after: null }] : timed;
}
