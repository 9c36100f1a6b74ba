import { START } from "@hsafa/protocol";
import type { OutsideInput } from "../../src/core/input.ts";
import type { Commit, LoadedRun } from "../../src/ports/fleet-store.ts";
import type { Store } from "../../src/ports/store.ts";
import { checkStart } from "./check-conversations.ts";
import type { Plant } from "./plants.ts";
import type { Recorder } from "./recorder.ts";
import { dataOf } from "./run-history.ts";

/** By how much a run that waits wakes too late, for a bug. */
const LATE_BY_MS = 60_000;

/** Tells the recorder what the store applies, when it applies it. Bugs planted here are bugs of the store. */
export function observeStore(store: Store, recorder: Recorder, plant: Plant | null): Store {
  const { fleet } = store;
  const lastPosition = async (commit: Commit) =>
    (
      await fleet.loadRun({
        tenantId: commit.tenantId,
        runId: commit.runId,
        epoch: recorder.history(commit.runId).epoch,
      })
    )?.lastPosition ?? START;

  return {
    ...store,
    fleet: {
      ...fleet,
      async claimRuns(params) {
        const claim = await fleet.claimRuns(params);
        for (const run of claim.runs) recorder.claimed(run, params.gatewayId);
        if (claim.isAnyWithheld) recorder.counts.withheld += 1;
        return claim;
      },
      async settleStalls(params) {
        await fleet.settleStalls(params);
        recorder.settled(params);
      },
      async commit(commit) {
        const last = commit.facts.length > 0 ? await lastPosition(commit) : START;
        const outcome = await fleet.commit(planted(commit, recorder, plant));
        if (outcome.kind === "committed") recorder.committed(commit, last);
        if (outcome.kind === "fenced") recorder.counts.fenced += 1;
        if (outcome.kind === "fenced" && plant === "take_fenced_for_committed") return { kind: "committed", wakes: [] };
        return outcome;
      },
      async appendDeltas(params) {
        await fleet.appendDeltas(params);
        for (const { runId, record, epoch } of params.rows) recorder.stored(runId, record, epoch);
      },
      async loadRun(params) {
        const loaded = await fleet.loadRun(params);
        if (loaded !== null) recorder.readInbox(loaded.inbox);
        if (loaded !== null && plant === "forget_the_trunk")
          return { ...loaded, earlierRunIds: ownOnly(loaded, recorder) };
        if (loaded !== null && plant === "perform_sleep") {
          const tools = loaded.config.tools.map((tool) =>
            tool.server?.type === "sleep" ? { ...tool, server: { type: "function" as const } } : tool,
          );
          return { ...loaded, config: { ...loaded.config, tools } };
        }
        if (loaded === null || (plant !== "repeat_the_unrepeatable" && plant !== "ask_nobody")) return loaded;
        const change = plant === "ask_nobody" ? { approval: "never" as const } : { repeatable: true };
        const tools = loaded.config.tools.map((tool) => ({ ...tool, ...change }));
        return { ...loaded, config: { ...loaded.config, tools } };
      },
      async readInbox(params) {
        const read = await fleet.readInbox(params);
        if (read !== null) recorder.readInbox(read.inbox);
        return read;
      },
      async readOpenCalls(params) {
        const sessions = await fleet.readOpenCalls(params);
        if (plant !== "send_other_arguments") return sessions;
        return sessions.map((session) => ({
          ...session,
          calls: session.calls.map((call) => ({ ...call, args: "other" })),
        }));
      },
      readCandidates: (params) => fleet.readCandidates(params),
      readNewestRuns: (params) => fleet.readNewestRuns(params),
      readTails: (params) => (plant === "no_tail_comparison" ? new Promise<never>(() => {}) : fleet.readTails(params)),
      async judgeServer(params) {
        if (params.wentBack) recorder.fail("generation", "the store is said to have gone back, which it never did");
        return fleet.judgeServer(params);
      },
    },
    forTenant(tenantId) {
      const tenant = store.forTenant(tenantId);
      return {
        ...tenant,
        async startRun(params) {
          const limits = plant === "widen_limits" ? undefined : params.limits;
          const policy = plant === "interrupt_nobody" && params.policy === "interrupt" ? "queue" : params.policy;
          const outcome = await tenant.startRun({ ...params, policy, limits });
          if (outcome.kind === "thread_busy") {
            recorder.counts.rejected += 1;
            if (recorder.history(outcome.runId).hasEnded)
              recorder.fail("R5", `a start was refused for ${outcome.runId}, which has ended`);
          }
          if (outcome.kind !== "started" || !outcome.created) return outcome;
          const { runId, told } = outcome;
          const limit = 1 + params.messages.length;
          recorder.started(runId, tenantId, await tenant.readEvents({ runId, after: START, limit, factsOnly: true }));
          for (const other of told) {
            const { messages } = params;
            const cancel = { kind: "cancel" as const, reason: null };
            recorder.enqueued(other, params.policy === "steer" ? { kind: "steer", runId, messages } : cancel);
            if (params.policy === "interrupt") recorder.counts.interrupted += 1;
          }
          checkStart(recorder, runId, params.policy);
          return outcome;
        },
        async deleteThread(params) {
          const told = await tenant.deleteThread(params);
          if (told !== null) recorder.threadDeleted(params.threadId, told);
          return told;
        },
        async branchThread(params) {
          const outcome = await tenant.branchThread(params);
          if (outcome.kind === "thread" && outcome.created) recorder.origins.set(outcome.thread.id, params.runId);
          return outcome;
        },
        async enqueueInput(params) {
          if (plant === "ack_without_storing") return { kind: "accepted", status: "running" };
          if (plant === "forget_what_a_reboot_lost" && isLostUnrepeatable(params.input, recorder))
            return { kind: "ended", status: "completed" };
          const dedupe = plant === "forget_dedupe" && params.input.kind === "message" ? null : params.dedupe;
          const outcome = await tenant.enqueueInput({ ...params, dedupe });
          if (outcome.kind === "accepted") recorder.enqueued(params.runId, params.input);
          return outcome;
        },
        async submitToolResult(params) {
          const outcome = await tenant.submitToolResult(params);
          if (outcome.kind === "accepted") {
            recorder.history(outcome.runId).acceptedInputs += 1;
            recorder.accepted(params.callId, params.bodyHash);
          }
          const isTaken = outcome.kind === "accepted" || outcome.kind === "duplicate";
          if (isTaken) recorder.told(params.callId, params.bodyHash);
          if (outcome.kind === "conflict" && plant === "accept_second_result") {
            const call = await tenant.findCall({ callId: params.callId });
            if (call === null) return outcome;
            recorder.told(params.callId, params.bodyHash);
            return { kind: "accepted", runId: call.runId };
          }
          return outcome;
        },
        async markSent(params) {
          const may = await tenant.markSent(params);
          return may || plant === "deliver_without_mark";
        },
      };
    },
  };
}

/**
 * Whether this input reports that a device came back without its memory. A call that is not repeatable is lost in no
 * other way.
 */
function isLostUnrepeatable(input: OutsideInput, recorder: Recorder): boolean {
  return input.kind === "dispatch_lost" && recorder.unrepeatable.has(input.callId);
}

/** The earlier runs of the run's own thread alone. */
function ownOnly({ facts, earlierRunIds }: LoadedRun, recorder: Recorder): string[] {
  const [created] = facts;
  const threadId = created === undefined ? null : dataOf(created)["threadId"];
  return earlierRunIds.filter((runId) => recorder.history(runId).threadId === threadId);
}

/** Whether it begins a step, and settles no call beside that. */
function beginsStepAlone({ facts }: Commit): boolean {
  return facts.at(-1)?.type === "step.started" && facts.every(({ type }) => !type.startsWith("tool."));
}

function planted(commit: Commit, recorder: Recorder, plant: Plant | null): Commit {
  switch (plant) {
    case "skip_epoch_guard": {
      const { epoch, holder } = recorder.history(commit.runId);
      return { ...commit, epoch, gatewayId: holder ?? commit.gatewayId };
    }
    case "drop_inbox_guard":
      return { ...commit, inboxMustBe: null };
    case "ask_with_unread":
      return beginsStepAlone(commit) ? { ...commit, inboxMustBe: null } : commit;
    case "merge_and_keep":
      return { ...commit, merges: [] };
    case "carry_no_deltas":
      return { ...commit, deltas: [] };
    case "oversleep":
    case "forget_time_over":
      return commit.lease.kind === "release" && commit.run.status === "waiting_tool"
        ? { ...commit, lease: { kind: "release", wakeAt: (commit.lease.wakeAt ?? 0) + LATE_BY_MS } }
        : commit;
    default:
      return commit;
  }
}
