import type { ToolCall } from "@hsafa/protocol";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { DecideCall } from "../actions/decide-call.tsx";
import { EmptyNote } from "../elements/empty-note.tsx";
import { FailureNote } from "../elements/failure-note.tsx";
import { TimeText, TimeUntil } from "../elements/time-text.tsx";
import { useKeys } from "../frame/keys.ts";
import { PageHeader } from "../frame/page-header.tsx";
import { executorOf } from "../run/calls/executor-of.ts";
import { count } from "../words/count.ts";
import { Conversation } from "./conversation.tsx";
import { useAwaitingCalls } from "./use-awaiting-calls.ts";
import styles from "./approvals-page.module.css";

/** What people are asked, in all runs: the questions, and beside them what exactly one of them is about. */
export function ApprovalsPage() {
  const { calls, hasMore, isLoading, error } = useAwaitingCalls();
  const { call: chosenId } = useSearch({ from: "/approvals" });
  const navigate = useNavigate();
  const index = calls.findIndex(({ id }) => id === chosenId);
  const chosen = calls[Math.max(0, index)];
  const choose = (to: number): void => {
    const next = calls[Math.max(0, Math.min(calls.length - 1, to))];
    if (next !== undefined) void navigate({ to: "/approvals", search: { call: next.id }, replace: true });
  };
  useKeys("Questions", [
    { keys: "j", does: "next question", run: () => choose(Math.max(0, index) + 1) },
    { keys: "k", does: "question before", run: () => choose(index - 1) },
  ]);
  return (
    <>
      <PageHeader title="Approvals">
        <p role="status" className={styles.told}>
          {calls.length === 0 ? "" : `${count(calls.length, "question")}${hasMore ? " and more" : ""}`}
        </p>
      </PageHeader>
      {error !== null && <FailureNote title="The questions could not be read" error={error} />}
      {!isLoading && error === null && chosen === undefined && (
        <EmptyNote title="Nobody is asked anything">
          A call appears here when its tool says <code>approval: "always"</code>, or is destructive. It waits until
          somebody decides, for 24 hours at most.
        </EmptyNote>
      )}
      {chosen !== undefined && (
        <div className={styles.both}>
          <ul className={styles.list} aria-label="Questions">
            {calls.map((call) => (
              <li key={call.id}>
                <Question call={call} isChosen={call === chosen} />
              </li>
            ))}
          </ul>
          <Chosen key={chosen.id} call={chosen} />
        </div>
      )}
    </>
  );
}

function Question({ call, isChosen }: { readonly call: ToolCall; readonly isChosen: boolean }) {
  return (
    <Link
      to="/approvals"
      search={{ call: call.id }}
      replace
      className={styles.question}
      aria-current={isChosen ? "true" : undefined}
    >
      <b>{call.toolName}</b>
      <span>{executorOf(call)}</span>
      <small>
        {call.agentName}, asked <TimeText at={call.requestedAt} />
        {call.approval !== null && (
          <>
            , expires <TimeUntil at={call.approval.expiresAt} />
          </>
        )}
      </small>
    </Link>
  );
}

function Chosen({ call }: { readonly call: ToolCall }) {
  return (
    <div className={styles.chosen} tabIndex={0} role="region" aria-label="The question">
      <DecideCall call={call} />
      <h2 className={styles.heading}>
        The conversation that led to it
        <Link to="/runs/$runId" params={{ runId: call.runId }} search={{ call: call.id }}>
          open the run
        </Link>
      </h2>
      <Conversation runId={call.runId} />
    </div>
  );
}
