import { useLayoutEffect, useRef, useState, useSyncExternalStore } from "react";
import type { Position } from "@hsafa/protocol";
import { earlyAnswers } from "../early/early-answers.ts";
import { useSignedIn } from "../session/session-gate.tsx";
import { type FeedSnapshot, openRunFeed, type RunFeed } from "./record/run-feed.ts";

/** Follows a run as long as the page shows it. `at`: where it begins to read; later changes read nothing anew. */
export function useRunFeed(
  runId: string,
  at: Position | null,
): { readonly feed: RunFeed | null; readonly snapshot: FeedSnapshot | null } {
  const { client } = useSignedIn();
  const [feed, setFeed] = useState<RunFeed | null>(null);
  const first = useRef(at);
  // What was asked for early is shown in the first frame of the page.
  useLayoutEffect(() => {
    const opened = openRunFeed(client, runId, first.current, earlyAnswers.takeRun(runId, first.current));
    setFeed(opened);
    return () => opened.close();
  }, [client, runId]);
  const snapshot = useSyncExternalStore(feed?.subscribe ?? NEVER, () => feed?.getSnapshot() ?? null);
  return { feed, snapshot };
}

const NEVER = () => () => {};
