import type { Effect } from "./effect.ts";
import { isInHouse, openCallsOf, type RunState } from "./state.ts";

/**
 * What is due in a state that `proceed` has been told in. None: the run has ended, or `proceed` is due first.
 */
export function effectsOf(state: RunState): readonly Effect[] {
  switch (state.phase) {
    case "created":
    case "ready":
    case "ended":
      return [];
    case "stepping":
      return [{ kind: "call_model", step: state.step, seq: state.seq }];
    case "acting":
      return openCallsOf(state.run).flatMap((call): Effect[] =>
        isInHouse(call) && call.phase.kind === "dispatched"
          ? [
              {
                kind: "perform_tool",
                call,
                attempt: call.phase.dispatch.attempt,
                deadline: call.phase.dispatch.deadline,
              },
            ]
          : [],
      );
    case "waiting":
      return [{ kind: "wait", until: nextDeadlineOf(state) }];
    case "retrying":
      return [{ kind: "wait", until: state.nextAt }];
    default:
      return state satisfies never;
  }
}

/**
 * When the first open call becomes overdue, in ms; null: never. While the lease is held for a server tool, the holder
 * tells `proceed` again at that time.
 */
export function nextDeadlineOf(state: RunState): number | null {
  const deadlines = openCallsOf(state.run).flatMap(({ phase }) => {
    if (phase.kind === "awaiting_approval") return [phase.expiresAt];
    return phase.kind === "dispatched" && phase.dispatch.deadline !== null ? [phase.dispatch.deadline] : [];
  });
  return deadlines.length === 0 ? null : Math.min(...deadlines);
}
