import { openRuns } from "@hsafa/client/view";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { mayDo } from "../actions/may-do.ts";
import { CopyButton } from "../elements/copy-button.tsx";
import { FailureNote } from "../elements/failure-note.tsx";
import { TimeText } from "../elements/time-text.tsx";
import { useStandingError } from "../elements/use-standing-error.ts";
import { PathHeader } from "../frame/path-header.tsx";
import { AGENTS_POLL_MS } from "../limits.ts";
import { LinkMark } from "../run/link-mark.tsx";
import { Transcript } from "../run/transcript/transcript.tsx";
import { useSignedIn } from "../session/session-gate.tsx";
import { shortId } from "../words/short-id.ts";
import { BranchThread, ThreadActs } from "./thread-acts.tsx";
import { ThreadComposer } from "./thread-composer.tsx";
import { threadRows } from "./thread-rows.ts";
import { threadTitle } from "./thread-title.ts";
import { useThreadCalls } from "./use-thread-calls.ts";
import { useThreadView } from "./use-thread-view.ts";
import styles from "./thread-page.module.css";

const STEPS = [{ to: "/threads", title: "Threads" }] as const;

/** One conversation: its runs in their order, as people read them. */
export function ThreadPage() {
  const { thread: threadId } = useParams({ from: "/threads/$thread" });
  const { client, session } = useSignedIn();
  const navigate = useNavigate();
  const read = useQuery({
    queryKey: ["thread", threadId],
    queryFn: ({ signal }) => client.threads.get(threadId, { signal }),
    refetchInterval: AGENTS_POLL_MS,
  });
  const thread = read.data;
  const error = useStandingError(threadId, read);
  const { view, runs, link } = useThreadView(threadId);
  const rows = useMemo(() => threadRows(view, runs), [view, runs]);
  const calls = useThreadCalls(view);
  const [branched, setBranched] = useState<string | null>(null);
  const failure = thread === undefined && error !== null ? error : link.kind === "failed" ? link.error : null;
  if (failure !== null) {
    return (
      <>
        <PathHeader steps={STEPS} title={thread === undefined ? shortId(threadId) : threadTitle(thread)} />
        <FailureNote title="The thread cannot be shown" error={failure} />
      </>
    );
  }
  if (thread === undefined) return null;
  const { subject, branchedFrom, createdAt } = thread;
  const mayWrite = mayDo(session, "runs:write");
  const mayStart = mayDo(session, "runs:start");
  const open = openRuns(view).length;
  const [latest] = runs.values();
  return (
    <>
      <PathHeader steps={STEPS} title={threadTitle(thread)}>
        <p className={styles.facts}>
          <CopyButton text={thread.id} shown={shortId(thread.id)} title="Copy the id" />
          <LinkMark link={link} />
          <span>
            begun <TimeText at={createdAt} />
          </span>
          {subject !== null && <span>for {subject}</span>}
          {branchedFrom !== null && (
            <Link to="/threads/$thread" params={{ thread: branchedFrom.threadId }}>
              branch of {shortId(branchedFrom.threadId)}
            </Link>
          )}
          <Link to="/runs" search={{ thread: thread.id }}>
            its runs
          </Link>
        </p>
        {mayWrite && (
          <span className={styles.acts}>
            <ThreadActs thread={thread} openRuns={open} />
          </span>
        )}
      </PathHeader>
      {view.hasEarlier && (
        <p className={styles.earlier}>
          This is the end of a longer conversation.{" "}
          <Link to="/runs" search={{ thread: thread.id }}>
            All its runs
          </Link>
        </p>
      )}
      {rows.length === 0 ? (
        <p className={styles.empty}>Nothing was said in this thread yet.</p>
      ) : (
        <Transcript
          rows={rows}
          startAt={null}
          unread={0}
          calls={calls}
          onShow={({ runId, callId, seq }) => {
            if (runId === undefined) return;
            const search = callId === undefined ? { tab: "events" as const, show: seq } : { call: callId };
            void navigate({ to: "/runs/$runId", params: { runId }, search });
          }}
          {...(mayStart && { onBranch: setBranched })}
        />
      )}
      <BranchThread thread={thread} runId={branched} onClose={() => setBranched(null)} />
      {mayStart && <ThreadComposer thread={thread} latestAgent={latest?.agentName ?? null} isBusy={open > 0} />}
    </>
  );
}
