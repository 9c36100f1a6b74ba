import { useEffect, useReducer, useRef } from "react";
import { type FeedSnapshot, openRunFeed, type RunFeed } from "../run/record/run-feed.ts";
import { useSignedIn } from "../session/session-gate.tsx";

/** A run that is followed beside others. */
export interface FollowedRun {
  readonly runId: string;
  readonly feed: RunFeed;
  readonly snapshot: FeedSnapshot;
}

/** Follows some runs, in their order, as long as they are asked for. */
export function useRunFeeds(runIds: readonly string[]): readonly FollowedRun[] {
  const { client } = useSignedIn();
  const feeds = useRef(new Map<string, RunFeed>());
  const [, redraw] = useReducer((times: number) => times + 1, 0);
  const list = runIds.join(" ");
  useEffect(() => {
    const wanted = list.split(" ").filter((id) => id !== "");
    for (const [id, feed] of feeds.current) {
      if (wanted.includes(id)) continue;
      feed.close();
      feeds.current.delete(id);
    }
    for (const id of wanted) {
      if (feeds.current.has(id)) continue;
      const feed = openRunFeed(client, id, null);
      feed.subscribe(redraw);
      feeds.current.set(id, feed);
    }
    redraw();
  }, [client, list]);
  useEffect(() => {
    const { current } = feeds;
    return () => {
      for (const feed of current.values()) feed.close();
      current.clear();
    };
  }, [client]);
  return runIds.flatMap((runId) => {
    const feed = feeds.current.get(runId);
    return feed === undefined ? [] : [{ runId, feed, snapshot: feed.getSnapshot() }];
  });
}
