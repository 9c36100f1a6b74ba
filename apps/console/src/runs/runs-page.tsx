import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { mayDo } from "../actions/may-do.ts";
import { EmptyNote } from "../elements/empty-note.tsx";
import { FailureNote } from "../elements/failure-note.tsx";
import { useKeys } from "../frame/keys.ts";
import { PageHeader } from "../frame/page-header.tsx";
import { useSignedIn } from "../session/session-gate.tsx";
import { count } from "../words/count.ts";
import { runStatusWords } from "../words/status-words.ts";
import { CancelRuns } from "./cancel-runs.tsx";
import { FILTER_NAMES, readFilters, type RunFilters, writeFilters } from "./run-filters.ts";
import { RunTable } from "./run-table.tsx";
import { ViewsMenu } from "./views-menu.tsx";
import { useListedRuns } from "./use-listed-runs.ts";
import styles from "./runs-page.module.css";

/** All runs, newest first. */
export function RunsPage() {
  const filters: RunFilters = useSearch({ from: "/runs" });
  const list = useListedRuns(filters);
  const { arrived, showArrived } = list;
  const reader = useRef<HTMLDivElement>(null);
  const { session } = useSignedIn();
  const mayCancel = mayDo(session, "runs:cancel");
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const [isCanceling, setCanceling] = useState(false);
  // What has ended meanwhile is chosen no longer.
  const open = list.shown.filter(({ completedAt }) => completedAt === null);
  const chosen = open.filter(({ id }) => picked.has(id)).map(({ id }) => id);
  const pick = (runId: string): void =>
    setPicked((before) =>
      before.has(runId) ? new Set([...before].filter((one) => one !== runId)) : new Set([...before, runId]),
    );
  useKeys(
    "Chosen runs",
    mayCancel ? [{ keys: "X", does: "cancel the chosen runs", run: () => setCanceling(chosen.length > 0) }] : [],
  );
  useKeys("Runs", [{ keys: "n", does: "show the runs that have arrived", run: showArrived }]);

  // Nothing moves under somebody's eyes or pointer. Where nobody reads, new runs come by themselves.
  useEffect(() => {
    const element = reader.current;
    if (arrived.length === 0 || element === null) return;
    const scrolled = element.querySelector("[data-scrolls]")?.scrollTop ?? 0;
    if (scrolled === 0 && !element.matches(":hover, :focus-within")) showArrived();
  }, [arrived.length, showArrived]);

  // A page of a search may be empty, and more may lie behind it.
  const { hasMore, showMore } = list;
  const isSearching = list.shown.length === 0 && hasMore;
  useEffect(() => {
    if (isSearching) showMore();
  }, [isSearching, showMore]);

  const hasFilters = Object.keys(filters).length > 0;
  return (
    <>
      <PageHeader title="Runs">
        <FilterField key={writeFilters(filters)} filters={filters} />
        <StatusFilters filters={filters} />
        <TimeFilter filters={filters} />
        <ViewsMenu filters={filters} />
        <p className={styles.told} role="status">
          {list.isStale ? "the gateway does not answer; this may be old" : ""}
        </p>
      </PageHeader>
      {chosen.length > 0 && (
        <div className={styles.chosen} role="region" aria-label="Chosen runs">
          <p role="status">{count(chosen.length, "run")} chosen</p>
          <button type="button" onClick={() => setPicked(new Set(open.map(({ id }) => id)))}>
            all {open.length} that are open here
          </button>
          <button type="button" onClick={() => setPicked(new Set())}>
            none
          </button>
          <button type="button" className={styles.grave} onClick={() => setCanceling(true)}>
            Cancel…
          </button>
        </div>
      )}
      <CancelRuns
        runIds={chosen}
        isOpen={isCanceling}
        onClose={(left) => {
          setCanceling(false);
          setPicked(new Set(left));
        }}
      />
      <div ref={reader} className={styles.reader}>
        {arrived.length > 0 && (
          <button type="button" className={styles.arrived} onClick={showArrived}>
            {count(arrived.length, "new run")}
          </button>
        )}
        {list.error !== null ? (
          <FailureNote title="The runs could not be read" error={list.error} />
        ) : list.shown.length > 0 ? (
          <RunTable list={list} picked={mayCancel ? picked : null} onPick={pick} />
        ) : list.isLoading ? null : isSearching ? (
          <EmptyNote title="Looking further back…" />
        ) : hasFilters ? (
          <EmptyNote title={list.searchOn === null ? "No run fits this filter" : "No run so far fits this filter"} />
        ) : (
          <EmptyNote title="There are no runs yet" command={`npx hsafa run <agent> "What time is it?"`}>
            A run appears here as soon as it is started, by a command, by a program, or by a page of yours.
          </EmptyNote>
        )}
        {list.searchOn !== null && (
          <button type="button" className={styles.further} onClick={list.searchOn}>
            Search further back
          </button>
        )}
      </div>
    </>
  );
}

function FilterField({ filters }: { readonly filters: RunFilters }) {
  const navigate = useNavigate();
  const [fault, setFault] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  useKeys("Filter", [{ keys: "/", does: "filter", run: () => field.current?.focus() }]);

  function submit(event: FormEvent): void {
    event.preventDefault();
    const read = readFilters(field.current?.value ?? "");
    setFault(read.kind === "fault" ? read.message : null);
    if (read.kind === "run") void navigate({ to: "/runs/$runId", params: { runId: read.runId } });
    if (read.kind === "filters") void navigate({ to: "/runs", search: read.filters });
  }

  return (
    <form className={styles.filter} onSubmit={submit} role="search">
      <input
        ref={field}
        aria-label={`Filter: ${FILTER_NAMES.map((name) => `${name}:…`).join(" ")}, or the id of a run`}
        title={`Filters: ${FILTER_NAMES.join(", ")}`}
        placeholder="agent:support device:laptop metadata:A-17, or an id"
        defaultValue={writeFilters(filters)}
        spellCheck={false}
        onKeyDown={(event) => event.key === "Escape" && field.current?.blur()}
      />
      {fault !== null && (
        <p role="alert" className={styles.fault}>
          {fault}
        </p>
      )}
    </form>
  );
}

const STATUSES = ["running", "waiting_tool", "queued", "failed", "completed"] as const;

function StatusFilters({ filters }: { readonly filters: RunFilters }) {
  const navigate = useNavigate();
  const { status, ...rest } = filters;
  return (
    <div className={styles.statuses} role="group" aria-label="State">
      {STATUSES.map((one) => (
        <button
          key={one}
          type="button"
          aria-pressed={status === one}
          onClick={() => void navigate({ to: "/runs", search: status === one ? rest : { ...rest, status: one } })}
        >
          {runStatusWords(one).word}
        </button>
      ))}
    </div>
  );
}

const TIMES = { "": "any time", "1h": "last hour", "24h": "last 24 h", "7d": "last 7 days" } as const;

function TimeFilter({ filters }: { readonly filters: RunFilters }) {
  const navigate = useNavigate();
  const { since = "", until, ...rest } = filters;
  const isOther = until !== undefined || !Object.hasOwn(TIMES, since);
  return (
    <select
      className={styles.time}
      aria-label="Time"
      value={isOther ? "other" : since}
      onChange={({ target: { value } }) =>
        void navigate({ to: "/runs", search: value === "" ? rest : { ...rest, since: value } })
      }
    >
      {Object.entries(TIMES).map(([value, words]) => (
        <option key={value} value={value}>
          {words}
        </option>
      ))}
      {isOther && (
        <option value="other" disabled>
          as written
        </option>
      )}
    </select>
  );
}
