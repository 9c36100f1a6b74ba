import type { Run } from "@hsafa/protocol";
import { EMPTY_THREAD_VIEW, followThread, type ThreadView } from "@hsafa/client/view";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { LIST_POLL_MS, THREAD_RUNS_FOLLOWED } from "../limits.ts";
import type { Link } from "../run/record/run-feed.ts";
import { useSignedIn } from "../session/session-gate.tsx";
import { createNewestRuns, type NewestRuns } from "./newest-runs.ts";

/** A conversation as it stands now. */
export interface FollowedThread {
  readonly view: ThreadView;
  /** Its latest runs as a list has them, by their ids. */
  readonly runs: ReadonlyMap<string, Run>;
  readonly link: Link;
}

/** Follows a thread as long as it is shown. What comes between two frames is drawn at once. */
export function useThreadView(threadId: string): FollowedThread {
  const { client } = useSignedIn();
  const [view, setView] = useState(EMPTY_THREAD_VIEW);
  const [cutAt, setCutAt] = useState<number | null>(null);
  const [failure, setFailure] = useState<Error | null>(null);
  const runs = useQuery({
    queryKey: ["thread-runs", threadId],
    queryFn: ({ signal }) => client.runs.list({ threadId, limit: THREAD_RUNS_FOLLOWED }, { signal }),
    refetchInterval: LIST_POLL_MS,
  });
  // What a person sends is read with the list at once, and needs no look at the thread of its own.
  const newest = useRef<NewestRuns | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    const news = createNewestRuns();
    newest.current = news;
    const threads = { ...client.threads, watch: (_id: string, options = {}) => news.read(options) };
    let latest = EMPTY_THREAD_VIEW;
    let frame = 0;
    const draw = (): void => {
      frame = 0;
      setView(latest);
      setCutAt(null);
    };
    async function follow(): Promise<void> {
      const onCut = (): void => setCutAt((before) => before ?? Date.now());
      const options = { signal: stop.signal, runsMax: THREAD_RUNS_FOLLOWED, onCut };
      for await (const next of followThread({ runs: client.runs, threads }, threadId, options)) {
        latest = next;
        frame ||= requestAnimationFrame(draw);
      }
    }
    setView(EMPTY_THREAD_VIEW);
    setFailure(null);
    follow().catch((error: unknown) => {
      if (!stop.signal.aborted) setFailure(error instanceof Error ? error : new Error(String(error)));
    });
    return () => {
      stop.abort();
      cancelAnimationFrame(frame);
    };
  }, [client, threadId]);
  const newestId = runs.data?.data[0]?.id;
  useEffect(() => {
    if (newestId !== undefined) newest.current?.tell(newestId);
  }, [newestId, client, threadId]);
  // A thread in which nothing happens has no event that tells that the gateway is there again. The list does.
  const since = cutAt !== null && cutAt > runs.dataUpdatedAt ? cutAt : runs.isError ? runs.errorUpdatedAt : null;
  return {
    view,
    runs: new Map(runs.data?.data.map((run) => [run.id, run])),
    link:
      failure !== null
        ? { kind: "failed", error: failure }
        : since !== null
          ? { kind: "reconnecting", since, failures: 1 }
          : runs.isPending
            ? { kind: "opening" }
            : { kind: "live" },
  };
}
