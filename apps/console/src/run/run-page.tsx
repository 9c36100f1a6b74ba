import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { FailureNote } from "../elements/failure-note.tsx";
import { useRunCalls } from "./calls/use-run-calls.ts";
import { positionIn } from "./position-bar.tsx";
import type { RunSearch } from "./run-search.ts";
import { ShownRun } from "./shown-run.tsx";
import { useRunFeed } from "./use-run-feed.ts";

/** One run: where and when it happened, what was said, what was called, and each event as it is kept. */
export function RunPage() {
  const { runId } = useParams({ from: "/runs/$runId" });
  return <FollowedRun key={runId} runId={runId} />;
}

function FollowedRun({ runId }: { readonly runId: string }) {
  const search = useSearch({ from: "/runs/$runId" });
  const navigate = useNavigate({ from: "/runs/$runId" });
  const { feed, snapshot } = useRunFeed(runId, positionIn(search.at));
  const known = useRunCalls(snapshot?.run?.id ?? "", snapshot?.record.callFacts ?? 0);
  if (feed === null || snapshot === null) return null;
  if (snapshot.run === null) {
    return snapshot.link.kind === "failed" ? (
      <FailureNote title="This run could not be read" error={snapshot.link.error} />
    ) : null;
  }
  return (
    <ShownRun
      feed={feed}
      snapshot={snapshot}
      calls={known}
      search={search}
      onSearch={(change: Partial<RunSearch>) =>
        void navigate({ search: (before) => ({ ...before, ...change }), replace: true })
      }
    />
  );
}
