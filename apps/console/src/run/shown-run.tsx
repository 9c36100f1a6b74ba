import { Tab, TabList, TabPanel, TabProvider } from "@ariakit/react";
import { type FactEvent, formatPosition, type Run } from "@hsafa/protocol";
import { EMPTY_RUN_VIEW, hasEnded } from "@hsafa/client/view";
import { Link } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef } from "react";
import { CallActs } from "../actions/call-acts.tsx";
import { CancelRun } from "../actions/cancel-run.tsx";
import { CopyAs } from "../actions/copy-as.tsx";
import { mayDo } from "../actions/may-do.ts";
import { SendMessage } from "../actions/send-message.tsx";
import { FailureNote } from "../elements/failure-note.tsx";
import { useKeys } from "../frame/keys.ts";
import { useSignedIn } from "../session/session-gate.tsx";
import { CallList } from "./calls/call-list.tsx";
import type { RunCalls } from "./calls/use-run-calls.ts";
import { EventList } from "./events/event-list.tsx";
import { ExportRun } from "./file/export-run.tsx";
import { ForkRun } from "./fork/fork-run.tsx";
import { Inspector, type Inspected } from "./inspector.tsx";
import { RunLanes } from "./lanes/run-lanes.tsx";
import { PositionBar, positionIn } from "./position-bar.tsx";
import type { FeedSnapshot, RunFeed } from "./record/run-feed.ts";
import { RunHeader } from "./run-header.tsx";
import { RUN_TABS, type RunSearch, type RunTab } from "./run-search.ts";
import { NoteRows } from "./transcript/note-rows.ts";
import { Transcript } from "./transcript/transcript.tsx";
import { transcriptRows } from "./transcript/transcript-rows.ts";
import styles from "./run-page.module.css";

const WORDS: Readonly<Record<RunTab, string>> = { transcript: "Transcript", events: "Events", calls: "Tool calls" };

/** Shows a run as far as it was read, from a gateway or from a file. `search`: what of it, as its address says. */
export function ShownRun(props: {
  readonly feed: RunFeed;
  readonly snapshot: FeedSnapshot;
  readonly calls: RunCalls;
  readonly search: RunSearch;
  readonly onSearch: (change: Partial<RunSearch>) => void;
  /** Whether it comes from a file. Then nobody can do anything about it. */
  readonly isFile?: boolean;
}) {
  const { feed, snapshot, calls: known, search, onSearch: set, isFile = false } = props;
  const { run, record, version, link } = snapshot;
  const { tab = "transcript" } = search;
  const at = useMemo(() => positionIn(search.at), [search.at]);
  const show = ({ seq, callId }: { readonly seq?: number; readonly callId?: string }): void =>
    set(callId === undefined ? { show: seq, call: undefined } : { show: undefined, call: callId });

  // What draws all of the run is drawn anew only when something of it changed.
  const latest = useRef(show);
  latest.current = show;
  const shown = useCallback<typeof show>((what) => latest.current(what), []);

  useEffect(() => {
    if (at !== null && at.sub > 0) feed.readDeltas(at.seq);
  }, [feed, at]);
  // The record changes in place; its version tells.
  const all = useMemo(() => record.facts(), [record, version]);
  const folded = useMemo(() => (at === null ? record.last : record.viewAt(at)), [record, version, at?.seq, at?.sub]);
  const { view, from, to } = folded ?? { view: EMPTY_RUN_VIEW, from: 1, to: 0 };
  const notes = useMemo(() => new NoteRows(record), [record]);
  const noted = notes.of(from, to);
  const rows = useMemo(() => transcriptRows(view, noted), [view, noted]);
  useKeys(
    "Run",
    RUN_TABS.map((one, index) => ({
      keys: String(index + 1),
      does: WORDS[one].toLowerCase(),
      run: () => set({ tab: one }),
    })),
  );
  if (run === null) return null;

  const isOpen = !hasEnded(record.view) && run.completedAt === null;
  const end = Math.min(at?.seq ?? record.length, record.length);
  const fact = search.show === undefined ? undefined : record.fact(search.show);
  const call = known.calls.find(({ id }) => id === search.call);
  const inspected: Inspected | null =
    call !== undefined
      ? { kind: "call", call }
      : fact === undefined
        ? null
        : { kind: "fact", fact, link: isFile ? null : `${location.origin}/runs/${run.id}?at=${search.show}-0` };
  const isWhole = record.read === record.length;
  // Until all of them were read, those around what is seen.
  const drawn = record.last.to > 0 ? record.last : { from, to };
  return (
    <div className={styles.page} data-whole={isWhole && from === 1 ? "" : undefined}>
      <RunHeader
        run={run}
        view={view}
        link={isFile ? null : link}
        steps={record.stepAt(to)}
        recoveries={record.recoveries}
        isOpen={isOpen}
        isPast={at !== null}
      >
        {!isFile && <RunActs run={run} facts={all} seq={end} generation={record.generation} isOpen={isOpen} />}
      </RunHeader>
      {link.kind === "failed" && <FailureNote title="The run is not followed any more" error={link.error} />}
      <RunLanes
        record={record}
        from={drawn.from}
        to={drawn.to}
        calls={known.calls}
        isOpen={isOpen}
        at={at === null ? null : timeOf(record.fact(to))}
        onShow={shown}
      />
      <PositionBar
        at={at}
        end={record.length}
        isRead={folded !== null && from === 1}
        onMove={(place) => set({ at: place === null ? undefined : formatPosition(place) })}
      />
      <div className={inspected === null ? styles.alone : styles.both}>
        <section className={styles.read}>
          <TabProvider selectedId={tab} setSelectedId={(id) => set({ tab: id as RunTab })}>
            <TabList className={styles.tabs} aria-label="Ways to read the run">
              {RUN_TABS.map((one) => (
                <Tab key={one} id={one} className={styles.tab}>
                  {WORDS[one]}
                  {one === "events" ? <small>{record.length}</small> : null}
                  {one === "calls" && known.calls.length > 0 ? <small>{known.calls.length}</small> : null}
                </Tab>
              ))}
            </TabList>
            <TabPanel tabId={tab} className={styles.panel} focusable={false}>
              {tab === "transcript" && (
                <Transcript
                  rows={rows}
                  startAt={at === null ? null : at.seq}
                  unread={from - 1}
                  calls={known.calls}
                  onShow={show}
                />
              )}
              {tab === "transcript" && !isFile && isOpen && at === null && <MessageActs runId={run.id} />}
              {tab === "events" && (
                <EventList
                  record={record}
                  version={version}
                  feed={feed}
                  end={end}
                  chosen={search.show ?? at?.seq ?? null}
                  text={search.q ?? ""}
                  type={search.type ?? ""}
                  onFilter={({ text, type }) =>
                    set({ q: text === "" ? undefined : text, type: type === "" ? undefined : type })
                  }
                  onShow={show}
                />
              )}
              {tab === "calls" && <CallList known={known} chosen={search.call ?? null} onShow={show} />}
            </TabPanel>
          </TabProvider>
        </section>
        {inspected !== null && (
          <Inspector inspected={inspected} onClose={() => set({ show: undefined, call: undefined })}>
            {!isFile && call !== undefined && at === null && <CallActs call={call} />}
            {!isFile && call === undefined && search.show !== undefined && (
              <FactActs run={run} facts={all} seq={search.show} generation={record.generation} />
            )}
          </Inspector>
        )}
      </div>
    </div>
  );
}

interface ForkParams {
  readonly run: Run;
  readonly facts: readonly FactEvent[];
  readonly seq: number;
  readonly generation: string;
}

/** What can be done about the run. */
function RunActs({ isOpen, ...fork }: ForkParams & { readonly isOpen: boolean }) {
  const { session } = useSignedIn();
  const { run } = fork;
  return (
    <>
      {isOpen && mayDo(session, "runs:cancel") && <CancelRun runId={run.id} agentName={run.agentName} />}
      {mayDo(session, "runs:start") && <ForkRun {...fork} takesKey />}
      <Link to="/compare" search={{ a: run.id }} className={styles.link}>
        Compare
      </Link>
      <ExportRun run={run} />
      <CopyAs call={{ kind: "watch", runId: run.id }} />
    </>
  );
}

function FactActs(fork: ForkParams) {
  const { session } = useSignedIn();
  return mayDo(session, "runs:start") ? <ForkRun {...fork} /> : null;
}

function MessageActs({ runId }: { readonly runId: string }) {
  const { session } = useSignedIn();
  return mayDo(session, "runs:send") ? <SendMessage runId={runId} /> : null;
}

function timeOf(fact: FactEvent | undefined): number | null {
  return fact === undefined ? null : Date.parse(fact.ts);
}
