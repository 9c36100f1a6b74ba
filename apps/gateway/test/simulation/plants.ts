/** Bugs that can be planted into the simulation's own adapters, to show that the checker finds them. */
export type Plant =
  | "skip_epoch_guard"
  | "publish_before_commit"
  | "wrong_prev"
  | "accept_stale_append"
  | "drop_inbox_guard"
  | "ack_without_storing"
  | "accept_second_result"
  | "deliver_without_mark"
  | "take_gaps"
  | "no_tail_comparison"
  | "carry_no_deltas"
  | "repeat_the_unrepeatable"
  | "forget_dedupe"
  | "take_fenced_for_committed"
  | "two_ends";
