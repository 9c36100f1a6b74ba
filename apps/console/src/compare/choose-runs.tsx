import { isId, type Run } from "@hsafa/protocol";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { StatusLabel } from "../elements/status-mark.tsx";
import { TimeText } from "../elements/time-text.tsx";
import { PathHeader } from "../frame/path-header.tsx";
import { useRowKeys } from "../frame/use-row-keys.ts";
import { OFFERED_RUNS } from "../limits.ts";
import { useSignedIn } from "../session/session-gate.tsx";
import { shortId } from "../words/short-id.ts";
import { runStatusWords } from "../words/status-words.ts";
import styles from "./compare-page.module.css";

/** Asks which run is compared with one, or which two. */
export function ChooseRuns({ known }: { readonly known: string | undefined }) {
  const { client } = useSignedIn();
  const navigate = useNavigate();
  const [fault, setFault] = useState<string | null>(null);
  const { data: run } = useQuery({
    queryKey: ["run", known],
    queryFn: ({ signal }) => client.runs.get(known ?? "", { signal }),
    enabled: known !== undefined,
  });
  const { data: likely } = useQuery({
    queryKey: ["likely-runs", run?.agentId],
    queryFn: ({ signal }) => client.runs.list({ agent: run?.agentId, limit: OFFERED_RUNS }, { signal }),
    enabled: run !== undefined,
  });
  const list = useRowKeys<HTMLUListElement>("run");

  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const [a, b] = [known ?? textOf(form.get("a")), textOf(form.get("b"))];
    if (!isId(a) || !isId(b)) setFault("The id of a run is needed, such as its page shows and copies.");
    else if (a === b) setFault("This is the same run.");
    else void navigate({ to: "/compare", search: { a, b } });
  }

  const others = likely?.data.filter(({ id }) => id !== known) ?? [];
  return (
    <>
      <PathHeader steps={[{ to: "/runs", title: "Runs" }]} title="Compare" />
      <div className={styles.choose}>
        <form onSubmit={submit}>
          {known === undefined ? (
            <label>
              the id of a run
              <input name="a" spellCheck={false} autoComplete="off" autoFocus />
            </label>
          ) : (
            <p>
              {run?.agentName ?? "The run"} <code>{shortId(known)}</code> is compared with
            </p>
          )}
          <label>
            the id of {known === undefined ? "the other one" : "another run"}
            <input name="b" spellCheck={false} autoComplete="off" autoFocus={known !== undefined} />
          </label>
          {fault !== null && (
            <p role="alert" className={styles.fault}>
              {fault}
            </p>
          )}
          <button type="submit" className={styles.button}>
            Compare
          </button>
        </form>
        {known !== undefined && others.length > 0 && (
          <>
            <h2>The latest of the same agent</h2>
            <ul ref={list}>
              {others.map((other) => (
                <li key={other.id}>
                  <Offer run={other} known={known} />
                </li>
              ))}
            </ul>
          </>
        )}
      </div>
    </>
  );
}

function Offer({ run, known }: { readonly run: Run; readonly known: string }) {
  return (
    <Link to="/compare" search={{ a: known, b: run.id }} className={styles.offer}>
      <StatusLabel words={runStatusWords(run.status)} />
      <code>{shortId(run.id)}</code>
      <span>{run.forkedFrom?.runId === known ? "its fork" : ""}</span>
      <TimeText at={run.createdAt} />
    </Link>
  );
}

function textOf(value: FormDataEntryValue | null): string {
  return typeof value === "string" ? value.trim() : "";
}
