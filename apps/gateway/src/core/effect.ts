import type { Call } from "./state.ts";

/** What is due in a state. Effects come from state alone (R4), so recovery after a crash is: load, fold, ask again. */
export type Effect =
  /** Ask the model for step `step`; its deltas hang under the fact `seq`. */
  | { readonly kind: "call_model"; readonly step: number; readonly seq: number }
  /** Perform a server tool while the lease is held. */
  | { readonly kind: "perform_tool"; readonly call: Call; readonly attempt: number; readonly deadline: number | null }
  /** Nothing until then; `null`: until an input arrives. The lease is given back. */
  | { readonly kind: "wait"; readonly until: number | null };
