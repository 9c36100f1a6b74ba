import type { Fault } from "./faults.ts";
import type { Plant } from "./plants.ts";
import { NO_TRAITS, type Traits } from "./traits.ts";

/**
 * A bug to be planted. It says which rule it breaks, and under which faults and traits it shows. The checker must find
 * it within a stated number of seeds.
 */
export interface PlantedBug {
  readonly plant: Plant;
  readonly breaks: RegExp;
  /** Without: whatever each seed brings. */
  readonly faults?: readonly Fault[];
  readonly traits?: Partial<Traits>;
  readonly seedsMax: number;
}

/**
 * What brings former holders back to life in the middle of a commit, which is rare: they stop by themselves as a rule.
 */
const ZOMBIES: readonly Fault[] = ["suspend", "store_slow", "kill"];

/** What brings registrations that come after the one of the device's next connection. */
const LATE: readonly Fault[] = ["freeze", "store_slow", "device_cut"];

/** The test of the test: each of these must be found. The bounds are some four times what it took. */
export const PLANTED: readonly PlantedBug[] = [
  // A holder that meets the facts of another one may also take the store for one that went back.
  { plant: "skip_epoch_guard", breaks: /^(R2|generation)/, faults: ZOMBIES, traits: NO_TRAITS, seedsMax: 1300 },
  { plant: "publish_before_commit", breaks: /^R3/, seedsMax: 10 },
  { plant: "wrong_prev", breaks: /^R8/, seedsMax: 10 },
  { plant: "accept_stale_append", breaks: /^R2/, faults: ["suspend", "kill", "redis_hang"], seedsMax: 200 },
  { plant: "drop_inbox_guard", breaks: /^R[67]/, seedsMax: 200 },
  // A cancel that is not there leaves the calls of its run as they are.
  { plant: "ack_without_storing", breaks: /^R[67]/, seedsMax: 20 },
  { plant: "accept_second_result", breaks: /^R[67]/, seedsMax: 40 },
  { plant: "deliver_without_mark", breaks: /^R7/, seedsMax: 80 },
  { plant: "ask_nobody", breaks: /^approval/, seedsMax: 20 },
  { plant: "send_other_arguments", breaks: /^approval/, seedsMax: 20 },
  { plant: "take_gaps", breaks: /^R[238]/, faults: ["redis_lossy"], seedsMax: 10 },
  { plant: "no_tail_comparison", breaks: /^R6/, faults: ["redis_lossy"], seedsMax: 80 },
  { plant: "carry_no_deltas", breaks: /^R8/, seedsMax: 10 },
  { plant: "repeat_the_unrepeatable", breaks: /^R7/, seedsMax: 150 },
  { plant: "forget_dedupe", breaks: /^R6/, faults: ["store_unknown", "kill"], seedsMax: 150 },
  {
    plant: "take_fenced_for_committed",
    // The gateways may be the first to notice: the store lacks what was shown.
    breaks: /^(R[23]|generation)/,
    faults: ["suspend", "freeze", "store_slow"],
    traits: NO_TRAITS,
    seedsMax: 2600,
  },
  { plant: "two_ends", breaks: /^R3/, seedsMax: 10 },
  { plant: "cancel_before_results", breaks: /^R7/, seedsMax: 60 },
  { plant: "loss_before_results", breaks: /^R7/, faults: ["device_reboot"], traits: { isHasty: true }, seedsMax: 60 },
  { plant: "cancel_before_unread", breaks: /^R[67]/, traits: { isFlooded: true }, seedsMax: 20 },
  { plant: "same_boot", breaks: /^R7/, faults: ["device_reboot"], seedsMax: 20 },
  { plant: "forget_what_a_reboot_lost", breaks: /^R[67]/, faults: ["device_reboot"], seedsMax: 80 },
  { plant: "resume_one_too_late", breaks: /^R8/, seedsMax: 20 },
  // What the model said ahead of such a commit is shown.
  { plant: "take_refused_for_committed", breaks: /^(R[23]|generation)/, seedsMax: 40 },
  { plant: "take_queued_for_born", breaks: /^(R[23]|generation)/, seedsMax: 10 },
  { plant: "take_born_for_queued", breaks: /^R6: .* is taken for lost/, seedsMax: 10 },
  { plant: "leave_what_was_taken", breaks: /^R6: .* is taken for lost/, seedsMax: 20 },
  { plant: "forget_what_is_owed", breaks: /^R6/, faults: ["store_down"], seedsMax: 40 },
  { plant: "forget_lost_claims", breaks: /^R6/, faults: ["store_unknown"], seedsMax: 40 },
  { plant: "last_chances_together", breaks: /^R6/, faults: [], traits: { isPoisoned: true }, seedsMax: 40 },
  { plant: "forgive_nobody", breaks: /^R6/, faults: [], traits: { isStalling: true }, seedsMax: 40 },
  { plant: "blame_bystanders", breaks: /^R6/, faults: [], traits: { isBeset: true }, seedsMax: 40 },
  { plant: "no_shares", breaks: /^turns/, faults: [], traits: { isBeset: true }, seedsMax: 10 },
  {
    plant: "poll_never_looks",
    breaks: /^R[67]/,
    faults: ["redis_down", "redis_lossy"],
    traits: { ...NO_TRAITS, isPatient: true },
    seedsMax: 500,
  },
  { plant: "handle_at_once", breaks: /^device/, faults: ["store_slow"], seedsMax: 200 },
  { plant: "drop_while_busy", breaks: /^(device|R6)/, seedsMax: 60 },
  { plant: "ack_before_taken", breaks: /^(device|R6)/, seedsMax: 20 },
  { plant: "ack_what_was_refused", breaks: /^R6/, faults: ["store_down"], seedsMax: 40 },
  { plant: "register_twice", breaks: /^device/, seedsMax: 160 },
  { plant: "keep_ended_session", breaks: /^device/, traits: { isDeserted: true }, seedsMax: 10 },
  { plant: "takeover_by_registration", breaks: /^device/, faults: LATE, seedsMax: 20 },
  { plant: "count_own_freeze", breaks: /^device/, faults: ["freeze"], seedsMax: 300 },
  { plant: "closer_never_retries", breaks: /^device/, traits: { isDeserted: true }, seedsMax: 40 },
  { plant: "subscribe_from_the_start", breaks: /^R8/, seedsMax: 20 },
  { plant: "lose_what_waits", breaks: /^R[68]/, seedsMax: 20 },
  { plant: "merge_before_facts", breaks: /^R6/, faults: ["kill"], traits: { isTalkative: true }, seedsMax: 400 },
  // A gateway that was shown an end, and meets a store without it, may take the store for one that went back.
  { plant: "merge_and_keep", breaks: /^(R[356]|generation)/, traits: { isTalkative: true }, seedsMax: 20 },
  { plant: "interrupt_nobody", breaks: /^R5/, traits: { isTalkative: true }, seedsMax: 20 },
  { plant: "ask_with_unread", breaks: /^R6: .* asks the model before/, traits: { isTalkative: true }, seedsMax: 400 },
  { plant: "forget_the_trunk", breaks: /^R5/, traits: { isTalkative: true }, seedsMax: 60 },
  { plant: "fork_twice", breaks: /^fork/, traits: { isForking: true }, seedsMax: 40 },
  { plant: "repeat_in_fork", breaks: /^fork/, traits: { isForking: true }, seedsMax: 40 },
  { plant: "never_unheard", breaks: /^device/, traits: { isDeserted: true }, seedsMax: 40 },
  { plant: "widen_limits", breaks: /^limits/, traits: { isLimited: true }, seedsMax: 20 },
  { plant: "forget_time_over", breaks: /^limits/, faults: [], traits: { isLimited: true }, seedsMax: 40 },
  { plant: "lose_a_chunk", breaks: /^files/, traits: { isUploading: true }, seedsMax: 20 },
  { plant: "two_files_of_a_key", breaks: /^files/, traits: { isUploading: true }, seedsMax: 20 },
  { plant: "forget_uses", breaks: /^files/, traits: { isUploading: true }, seedsMax: 10 },
  { plant: "leave_remains", breaks: /^files/, traits: { isUploading: true }, seedsMax: 20 },
  { plant: "oversleep", breaks: /^(sleep|limits)/, faults: [], traits: { isSleepy: true }, seedsMax: 20 },
  { plant: "perform_sleep", breaks: /^sleep/, faults: [], traits: { isSleepy: true }, seedsMax: 20 },
  { plant: "take_unfit_answers", breaks: /^output/, faults: [], traits: { isStructured: true }, seedsMax: 20 },
  { plant: "forget_output_faults", breaks: /^output/, traits: { isStructured: true }, seedsMax: 40 },
  { plant: "leave_children", breaks: /^(R6|children)/, traits: { isDelegating: true }, seedsMax: 40 },
  { plant: "tell_no_parent", breaks: /^R[67]/, traits: { isDelegating: true }, seedsMax: 40 },
  { plant: "tell_parents_twice", breaks: /^(R6|children)/, traits: { isDelegating: true }, seedsMax: 40 },
  { plant: "count_no_children", breaks: /^(children|limits)/, traits: { isDelegating: true }, seedsMax: 40 },
  {
    plant: "dispatch_provider_calls",
    breaks: /^(provider|R4)/,
    faults: [],
    traits: { isSearching: true },
    seedsMax: 20,
  },
  { plant: "end_with_a_pause", breaks: /^(provider|output)/, faults: [], traits: { isSearching: true }, seedsMax: 20 },
  { plant: "count_no_cost", breaks: /^limits/, traits: { isLimited: true }, seedsMax: 20 },
];
