import { nextDeadlineOf } from "./deadline.ts";
import { timeOverAt } from "./reached-limit.ts";
import { type Call, isInHouse, openCallsOf, type RunState } from "./run-state.ts";

/**
 * What is due in a state. Effects follow from state alone (R4), so recovery after a crash is: load, fold, ask again.
 */
export type Effect =
  /** Ask the model for step `step`; its deltas hang under the fact `seq`. */
  | {
      readonly kind: "call_model";
      readonly step: number;
      readonly seq: number;
      /** The step summarises the thread up to this run; absent: it is a turn of the conversation. */
      readonly summarizesThrough?: string;
    }
  /** Perform a server tool while the lease is held. */
  | { readonly kind: "perform_tool"; readonly call: Call; readonly attempt: number }
  /** Nothing until then, in ms; null: until an input arrives. The lease is returned. */
  | { readonly kind: "wait"; readonly until: number | null };

/**
 * What is due in a state that has been told `proceed`. None: the run has ended, or `proceed` is due first.
 */
export function effectsOf(state: RunState): readonly Effect[] {
  switch (state.phase) {
    case "created":
    case "ready":
    case "ended":
      return [];
    case "stepping": {
      const { step, seq, summarizesThrough } = state;
      return [{ kind: "call_model", step, seq, ...(summarizesThrough === null ? {} : { summarizesThrough }) }];
    }
    case "acting":
      return openCallsOf(state.run).flatMap((call): Effect[] =>
        isInHouse(call) && call.phase.kind === "dispatched"
          ? [{ kind: "perform_tool", call, attempt: call.phase.dispatch.attempt }]
          : [],
      );
    case "waiting":
      return [{ kind: "wait", until: nextDeadlineOf(state) }];
    case "retrying":
      return [{ kind: "wait", until: Math.min(state.nextAt, timeOverAt(state.run) ?? state.nextAt) }];
    default:
      return state satisfies never;
  }
}
