/** How a holder came to be done with a run. */
export type HoldEnd =
  /** The lease was returned by a commit. `wakeAt`: when the run is due again, in ms; null: not by time. */
  | { readonly kind: "released"; readonly wakeAt: number | null }
  /** The record is full, and was not read to its end. The lease is ours still, and the run is to be ended. */
  | { readonly kind: "record_full" }
  /** Another holder has the run. */
  | { readonly kind: "fenced" }
  /**
   * The store was away until the lease ended, or there is no room for the record. The lease is to be returned once the
   * store answers.
   */
  | { readonly kind: "gave_up" }
  /** The store answers others, and a statement of this run never. The lease is to end by itself, which counts. */
  | { readonly kind: "stuck" };
