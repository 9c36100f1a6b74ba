import type { Client } from "@hsafa/client";
import { formatPlace, type Position, type Run, type RunEvent } from "@hsafa/protocol";
import { FIRST_FACTS } from "../../limits.ts";

/** What a page of a run needs before it shows anything. */
export interface FirstReads {
  readonly run: Promise<Run>;
  /** The facts around the position, or the last ones. Null: there are none such, and the run tells which there are. */
  readonly facts: Promise<readonly RunEvent[] | null>;
}

/** Asks for both at once. `at`: where the page opens; null: at the end. */
export function beginFirstReads(
  client: Client,
  runId: string,
  at: Position | null,
  options: { readonly signal?: AbortSignal } = {},
): FirstReads {
  const after = Math.max(0, (at?.seq ?? 0) - FIRST_FACTS / 2);
  const place = after === 0 ? {} : { after: formatPlace({ seq: after, sub: 0 }, "") };
  const query = { facts: true, limit: FIRST_FACTS, ...(at === null ? ({ order: "desc" } as const) : place) };
  return {
    run: client.runs.get(runId, options),
    facts: client.runs.events(runId, query, options).then(
      ({ data }) => data,
      // A store that was restored has positions of its own, and no run ends before a position of it.
      () => null,
    ),
  };
}
