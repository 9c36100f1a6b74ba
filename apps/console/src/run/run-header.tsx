import type { ForkOrigin, Run } from "@hsafa/protocol";
import type { RunView } from "@hsafa/client/view";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { CopyButton } from "../elements/copy-button.tsx";
import { StatusLabel } from "../elements/status-mark.tsx";
import { TimeText, useNow } from "../elements/time-text.tsx";
import { count, dollars, grouped } from "../words/count.ts";
import { duration } from "../words/duration.ts";
import { shortId } from "../words/short-id.ts";
import { runStatusWords } from "../words/status-words.ts";
import { LeaseHolder } from "./lease-holder.tsx";
import { LinkMark } from "./link-mark.tsx";
import type { Link as RunLink } from "./record/run-feed.ts";
import { VersionLink } from "./version-link.tsx";
import styles from "./run-header.module.css";

/** Which run this is, how it stands, and what it has used. */
export function RunHeader(props: {
  readonly run: Run;
  readonly view: RunView;
  /** How the page stands to the run; null: it comes from a file. */
  readonly link: RunLink | null;
  readonly steps: number;
  readonly recoveries: number;
  readonly isOpen: boolean;
  /** Whether the page stands before the end. Then nothing is told of what came later. */
  readonly isPast: boolean;
  readonly children?: ReactNode;
}) {
  const { run, view, link, steps, recoveries, isOpen, isPast, children } = props;
  const usage = view.usage ?? run.usage;
  const tokens = usage.totalTokens ?? (usage.inputTokens ?? 0) + (usage.outputTokens ?? 0);
  return (
    <header className={styles.header}>
      <nav aria-label="Breadcrumb" className={styles.path}>
        {link === null ? (
          <>
            <span>a file</span>
            <span aria-hidden="true">/</span>
            <span>{run.agentName}</span>
          </>
        ) : (
          <>
            <Link to="/runs" search={{}}>
              Runs
            </Link>
            <span aria-hidden="true">/</span>
            <Link to="/runs" search={{ agent: run.agentName }}>
              {run.agentName}
            </Link>
          </>
        )}
        <span aria-hidden="true">/</span>
        <h1>
          <CopyButton text={run.id} shown={shortId(run.id)} title="Copy the id" />
        </h1>
        <span className={styles.link}>{link !== null && <LinkMark link={link} />}</span>
      </nav>
      <div className={styles.line}>
        <StatusLabel words={runStatusWords(view.status)} />
        {!isPast && (
          <span title="since it was started">
            <Took run={run} hasEnded={view.usage !== null} />
          </span>
        )}
        <span>{count(isPast ? steps : Math.max(steps, run.steps), "step")}</span>
        {!isPast && tokens > 0 && (
          <span title={`in ${grouped(usage.inputTokens ?? 0)}, out ${grouped(usage.outputTokens ?? 0)}`}>
            {count(tokens, "token")}
          </span>
        )}
        {!isPast && usage.costUsd !== undefined && <span>{dollars(usage.costUsd)}</span>}
        {!isPast && recoveries > 0 && (
          <span title="times that another gateway took it over">
            {recoveries === 1 ? "1 recovery" : `${grouped(recoveries)} recoveries`}
          </span>
        )}
        {link !== null && isOpen && !isPast && <LeaseHolder run={run} className={styles.faint} />}
        {link !== null && <VersionLink run={run} className={styles.faint} />}
        <span className={styles.faint}>
          started <TimeText at={run.createdAt} />
          {run.startedBy === null ? "" : ` by ${run.startedBy}`}
          {run.subject === null ? "" : ` for ${run.subject}`}
        </span>
        {link !== null && run.threadId !== null && (
          <Link to="/threads/$thread" params={{ thread: run.threadId }} className={styles.faint}>
            thread {shortId(run.threadId)}
          </Link>
        )}
        {link !== null && run.forkedFrom !== null && <Origin run={run} origin={run.forkedFrom} />}
        <span className={styles.actions}>{children}</span>
      </div>
    </header>
  );
}

function Origin({ run, origin }: { readonly run: Run; readonly origin: ForkOrigin }) {
  const { runId, position } = origin;
  return (
    <span className={styles.faint}>
      forked from{" "}
      <Link to="/runs/$runId" params={{ runId }} search={{ at: position }}>
        {shortId(runId)} at {position}
      </Link>
      ,{" "}
      <Link to="/compare" search={{ a: runId, b: run.id }}>
        compare
      </Link>
    </span>
  );
}

function Took({ run, hasEnded }: { readonly run: Run; readonly hasEnded: boolean }) {
  const begin = Date.parse(run.createdAt);
  if (run.completedAt !== null) return duration(Date.parse(run.completedAt) - begin);
  return hasEnded ? null : <Since since={begin} />;
}

function Since({ since }: { readonly since: number }) {
  return duration(useNow() - since);
}
