import type { Run } from "@hsafa/protocol";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { type ReactNode, useMemo, useRef } from "react";
import { FailureNote } from "../elements/failure-note.tsx";
import { StatusLabel } from "../elements/status-mark.tsx";
import { useKeys } from "../frame/keys.ts";
import { PathHeader } from "../frame/path-header.tsx";
import type { FeedSnapshot } from "../run/record/run-feed.ts";
import { useRunFeed } from "../run/use-run-feed.ts";
import { count, dollars, grouped } from "../words/count.ts";
import { duration } from "../words/duration.ts";
import { shortId } from "../words/short-id.ts";
import { runStatusWords } from "../words/status-words.ts";
import { alignedSteps } from "./aligned-steps.ts";
import { ChooseRuns } from "./choose-runs.tsx";
import { comparedSteps } from "./compared-steps.ts";
import { StepPair } from "./step-pair.tsx";
import { ComparedEnds, ComparedStarts, ComparedVersions } from "./compared-versions.tsx";
import styles from "./compare-page.module.css";

/** Two runs side by side, aligned by their steps: what differs in version, prompt, words, arguments and results. */
export function ComparePage() {
  const { a, b } = useSearch({ from: "/compare" });
  return a === undefined || b === undefined ? <ChooseRuns known={a ?? b} /> : <TwoRuns key={`${a} ${b}`} a={a} b={b} />;
}

function TwoRuns({ a, b }: { readonly a: string; readonly b: string }) {
  const [left, right] = [useRunFeed(a, null).snapshot, useRunFeed(b, null).snapshot];
  const navigate = useNavigate();
  const { show } = useSearch({ from: "/compare" });
  const showsAll = show === "all";
  const body = useRef<HTMLDivElement>(null);
  const swap = (): void =>
    void navigate({ to: "/compare", search: { a: b, b: a, ...(showsAll ? { show } : {}) }, replace: true });
  const setAll = (): void =>
    void navigate({ to: "/compare", search: { a, b, ...(showsAll ? {} : { show: "all" }) }, replace: true });
  const go = (by: number): void => {
    const places = [...(body.current?.querySelectorAll<HTMLElement>("[data-differs]") ?? [])];
    const now = places.findIndex((place) => place === document.activeElement);
    const next = places[Math.max(0, Math.min(places.length - 1, now + by))];
    if (next === undefined || body.current === null) return;
    next.focus({ preventScroll: true });
    // The heads of the two runs stand above it.
    const heads = body.current.firstElementChild?.clientHeight ?? 0;
    const top = next.getBoundingClientRect().top - body.current.getBoundingClientRect().top;
    body.current.scrollTo({ top: body.current.scrollTop + top - heads });
  };
  useKeys("Compare", [
    { keys: "j", does: "next difference", run: () => go(1) },
    { keys: "k", does: "difference before", run: () => go(-1) },
    { keys: "s", does: "swap the runs", run: swap },
    { keys: "o", does: "show all, or only what differs", run: setAll },
  ]);
  for (const [snapshot, id] of [
    [left, a],
    [right, b],
  ] as const) {
    if (snapshot?.link.kind === "failed" && snapshot.run === null) {
      return (
        <>
          <PathHeader steps={[{ to: "/runs", title: "Runs" }]} title="Compare" />
          <FailureNote title={`The run ${shortId(id)} could not be read`} error={snapshot.link.error} />
        </>
      );
    }
  }
  if (left?.run === null || right?.run === null || left === null || right === null) return null;
  return (
    <>
      <PathHeader steps={[{ to: "/runs", title: "Runs" }]} title="Compare">
        <button type="button" className={styles.button} onClick={swap}>
          Swap
        </button>
        <button type="button" className={styles.button} aria-pressed={showsAll} onClick={setAll}>
          Show what is the same
        </button>
      </PathHeader>
      <div ref={body} className={styles.body} tabIndex={0} role="region" aria-label="The two runs">
        <div className={styles.heads}>
          <RunHead snapshot={left} run={left.run} other={right.run} />
          <RunHead snapshot={right} run={right.run} other={left.run} />
        </div>
        <Differences left={left} right={right} a={left.run} b={right.run} showsAll={showsAll} />
      </div>
    </>
  );
}

function Differences(props: {
  readonly left: FeedSnapshot;
  readonly right: FeedSnapshot;
  readonly a: Run;
  readonly b: Run;
  readonly showsAll: boolean;
}) {
  const { left, right, a, b, showsAll } = props;
  const facts = useFacts(left);
  const others = useFacts(right);
  const pairs = useMemo(() => alignedSteps(comparedSteps(facts), comparedSteps(others)), [facts, others]);
  const unread = [left, right].some(({ record }) => record.read < record.length);
  return (
    <>
      {unread && <p className={styles.told}>Facts are still being read. What is shown is not all yet.</p>}
      <ComparedVersions a={a} b={b} />
      <ComparedStarts facts={facts} others={others} showsAll={showsAll} />
      {pairs.map((pair, index) => (
        <StepPair key={index} pair={pair} a={a.id} b={b.id} showsAll={showsAll} />
      ))}
      <ComparedEnds a={a} b={b} showsAll={showsAll} />
    </>
  );
}

function useFacts({ record, version }: FeedSnapshot) {
  // The record changes in place; its version tells.
  return useMemo(() => record.facts(), [record, version]);
}

/** What a run is, and what of it is otherwise than in the other one. */
function RunHead({
  snapshot,
  run,
  other,
}: {
  readonly snapshot: FeedSnapshot;
  readonly run: Run;
  readonly other: Run;
}) {
  const { status } = snapshot.record.view;
  const took = run.completedAt === null ? null : Date.parse(run.completedAt) - Date.parse(run.createdAt);
  const isForkOfOther = run.forkedFrom?.runId === other.id;
  return (
    <section className={styles.head} aria-label={`Run ${shortId(run.id)}`}>
      <h2>
        <Link to="/runs/$runId" params={{ runId: run.id }} search={{}}>
          {run.agentName} <code>{shortId(run.id)}</code>
        </Link>
      </h2>
      <p className={styles.line}>
        <StatusLabel words={runStatusWords(status)} />
        <Fact>{took === null ? "" : duration(took)}</Fact>
        <Fact>{count(run.steps, "step")}</Fact>
        <Fact>{tokensOf(run) === 0 ? "" : `${grouped(tokensOf(run))} tokens`}</Fact>
        <Fact>{run.usage.costUsd === undefined ? "" : dollars(run.usage.costUsd)}</Fact>
      </p>
      {run.forkedFrom !== null && (
        <p className={styles.told}>
          forked from {isForkOfOther ? "the other one" : shortId(run.forkedFrom.runId)} at {run.forkedFrom.position}
        </p>
      )}
    </section>
  );
}

function Fact({ children }: { readonly children: ReactNode }) {
  return children === "" ? null : <span>{children}</span>;
}

function tokensOf({ usage }: Run): number {
  return usage.totalTokens ?? (usage.inputTokens ?? 0) + (usage.outputTokens ?? 0);
}
