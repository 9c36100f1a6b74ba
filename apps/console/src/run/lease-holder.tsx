import type { Run } from "@hsafa/protocol";
import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { HOLDER_POLL_MS } from "../limits.ts";
import { useSignedIn } from "../session/session-gate.tsx";
import { shortId } from "../words/short-id.ts";

/** The gateway that advances a run which has not ended. No event names it, so it is asked for while it is shown. */
export function LeaseHolder({ run, className }: { readonly run: Run; readonly className: string | undefined }) {
  const { client } = useSignedIn();
  const { data = run } = useQuery({
    queryKey: ["lease-holder", run.id],
    queryFn: ({ signal }) => client.runs.get(run.id, { signal }),
    refetchInterval: HOLDER_POLL_MS,
  });
  if (data.heldBy === null) return <span className={className}>held by no gateway</span>;
  return (
    <span className={className}>
      held by the gateway <Link to="/fleet">{shortId(data.heldBy)}</Link>
    </span>
  );
}
