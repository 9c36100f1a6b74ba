import type { Client } from "./client.ts";
import type { StreamRunOptions } from "./runs.ts";
import { nextRunView } from "./next-run-view.ts";
import { EMPTY_RUN_VIEW, type RunView } from "./run-view.ts";

/**
 * Yields what a user interface shows of a run, anew after each event, until the run has ended. It reconnects by itself,
 * and nothing is shown twice. `view`: a view of the run to go on from. Leaving the loop, or aborting `signal`, stops
 * watching and never cancels the run. Throws only what reconnecting would not heal.
 */
export async function* followRun(
  client: Pick<Client, "runs">,
  runId: string,
  options: Omit<StreamRunOptions, "after"> & { readonly view?: RunView } = {},
): AsyncGenerator<RunView, void, undefined> {
  const { view: known = EMPTY_RUN_VIEW, ...rest } = options;
  let view = known;
  const after = view.position === null ? {} : { after: view.position };
  for await (const event of client.runs.stream(runId, { ...rest, ...after })) {
    const next = nextRunView(view, event);
    if (next === view) continue;
    view = next;
    yield view;
  }
}
