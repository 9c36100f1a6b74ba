import type { Run, ToolCall } from "@hsafa/protocol";
import { hasEnded } from "@hsafa/client/view";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { CallActs } from "../actions/call-acts.tsx";
import { mayDo } from "../actions/may-do.ts";
import { useAgent } from "../agents/use-agents.ts";
import { FailureNote } from "../elements/failure-note.tsx";
import { StatusLabel } from "../elements/status-mark.tsx";
import { PathHeader } from "../frame/path-header.tsx";
import { LIST_POLL_MS, PLAYED_RUNS_SHOWN } from "../limits.ts";
import { useRunCalls } from "../run/calls/use-run-calls.ts";
import { EventList } from "../run/events/event-list.tsx";
import { Transcript } from "../run/transcript/transcript.tsx";
import { notesOf, transcriptRows } from "../run/transcript/transcript-rows.ts";
import { useSignedIn } from "../session/session-gate.tsx";
import { shortId } from "../words/short-id.ts";
import { runStatusWords } from "../words/status-words.ts";
import { PlaygroundChoices } from "./playground-choices.tsx";
import { PlaygroundComposer } from "./playground-composer.tsx";
import { type FollowedRun, useRunFeeds } from "./use-run-feeds.ts";
import styles from "./playground-page.module.css";

/** A conversation with any version of an agent, and beside it each event of its runs. */
export function PlaygroundPage() {
  const { agent: name } = useParams({ from: "/agents/$agent/play" });
  const search = useSearch({ from: "/agents/$agent/play" });
  const { thread } = search;
  const navigate = useNavigate({ from: "/agents/$agent/play" });
  const { session } = useSignedIn();
  const { agent, error } = useAgent(name);
  const runs = useThreadRuns(thread);
  const followed = useRunFeeds(useMemo(() => runs.map(({ id }) => id), [runs]));
  const [shown, setShown] = useState<{ readonly runId: string; readonly seq: number | null } | null>(null);
  const newest = followed.at(-1);
  const beside = followed.find(({ runId }) => runId === shown?.runId) ?? newest;
  const { calls } = useRunCalls(newest?.runId ?? "", newest === undefined ? 0 : factsOfCalls(newest));
  const isOpen = newest !== undefined && isUnderWay(newest);
  if (error !== null) {
    return (
      <>
        <PathHeader steps={[{ to: "/agents", title: "Agents" }]} title={name} />
        <FailureNote title="The agent could not be read" error={error} />
      </>
    );
  }
  if (agent === undefined) return null;
  return (
    <>
      <PathHeader
        steps={[
          { to: "/agents", title: "Agents" },
          { to: "/agents/$agent", agent: name, title: name },
        ]}
        title="Playground"
      >
        <PlaygroundChoices agent={agent} />
      </PathHeader>
      <div className={styles.both}>
        <section className={styles.chat} aria-label="Conversation">
          {followed.length === 0 ? (
            <p className={styles.empty}>
              Say something to <b>{name}</b>. The conversation is a thread like any other: its runs are kept, and they
              stand in the list of all runs.
            </p>
          ) : (
            <Conversation followed={followed} calls={calls} onShow={setShown} />
          )}
          {newest !== undefined && <OpenCalls calls={calls} />}
          {mayDo(session, "runs:start") ? (
            <PlaygroundComposer
              agentName={name}
              running={isOpen ? newest.runId : null}
              onThread={(id) => void navigate({ search: (before) => ({ ...before, thread: id }), replace: true })}
            />
          ) : (
            <p className={styles.empty}>Your key starts no runs: it needs the scope runs:start.</p>
          )}
        </section>
        <section className={styles.events} aria-label="The run">
          {beside === undefined ? (
            <p className={styles.empty}>The events of its run appear here as they happen.</p>
          ) : (
            <EventsBeside followed={beside} chosen={shown?.seq ?? null} onShow={setShown} />
          )}
        </section>
      </div>
    </>
  );
}

/** The latest runs of a thread, oldest first. */
function useThreadRuns(thread: string | undefined): readonly Run[] {
  const { client } = useSignedIn();
  const { data } = useQuery({
    queryKey: ["played-runs", thread],
    queryFn: ({ signal }) => client.runs.list({ threadId: thread, limit: PLAYED_RUNS_SHOWN }, { signal }),
    refetchInterval: LIST_POLL_MS,
    enabled: thread !== undefined,
  });
  return useMemo(() => data?.data.toReversed() ?? [], [data]);
}

type Show = (shown: { readonly runId: string; readonly seq: number | null }) => void;

function Conversation(props: {
  readonly followed: readonly FollowedRun[];
  readonly calls: readonly ToolCall[];
  readonly onShow: Show;
}) {
  const { followed, calls, onShow } = props;
  const rows = followed.flatMap(({ runId, snapshot: { record } }) =>
    transcriptRows(record.view, record.facts().flatMap(notesOf)).map((row) => ({
      ...row,
      key: `${runId} ${row.key}`,
      runId,
    })),
  );
  return (
    <Transcript
      rows={rows}
      startAt={null}
      unread={0}
      calls={calls}
      onShow={({ runId, seq }) => {
        if (runId !== undefined) onShow({ runId, seq });
      }}
    />
  );
}

/** What waits for a person. */
function OpenCalls({ calls }: { readonly calls: readonly ToolCall[] }) {
  const open = calls.filter(
    ({ status, target }) => status === "awaiting_approval" || (status === "dispatched" && target === "external"),
  );
  if (open.length === 0) return null;
  return (
    <div className={styles.calls} role="region" aria-label="What waits for you" tabIndex={0}>
      {open.map((call) => (
        <CallActs key={call.id} call={call} />
      ))}
    </div>
  );
}

function EventsBeside(props: {
  readonly followed: FollowedRun;
  readonly chosen: number | null;
  readonly onShow: Show;
}) {
  const { followed, chosen, onShow } = props;
  const { runId, feed, snapshot } = followed;
  const { record, version } = snapshot;
  const [filter, setFilter] = useState({ text: "", type: "" });
  return (
    <>
      <p className={styles.run}>
        <StatusLabel words={runStatusWords(record.view.status)} />
        <Link to="/runs/$runId" params={{ runId }} search={chosen === null ? {} : { tab: "events", show: chosen }}>
          run {shortId(runId)}
        </Link>
      </p>
      <EventList
        key={runId}
        record={record}
        version={version}
        feed={feed}
        end={record.length}
        chosen={chosen}
        text={filter.text}
        type={filter.type}
        follows
        onFilter={setFilter}
        onShow={({ seq }) => onShow({ runId, seq })}
      />
    </>
  );
}

function isUnderWay({ snapshot: { run, record } }: FollowedRun): boolean {
  return !hasEnded(record.view) && run?.completedAt === null;
}

/** Facts that may have changed a call. */
function factsOfCalls({ snapshot: { record } }: FollowedRun): number {
  return record.facts().filter(({ type }) => type.startsWith("tool.")).length;
}
