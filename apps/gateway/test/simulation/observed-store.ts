import { type Fact, START } from "@hsafa/protocol";
import { v7 } from "uuid";
import type { EventRecord } from "../../src/core/event-record.ts";
import type { OutsideInput } from "../../src/core/input.ts";
import type { Commit, LoadedRun } from "../../src/ports/fleet-store.ts";
import type { FileStore } from "../../src/ports/file-store.ts";
import { EVENTS_PAGE_MAX } from "../../src/ports/limits.ts";
import type { Store } from "../../src/ports/store.ts";
import type { TenantStore } from "../../src/ports/tenant-store.ts";
import type { StartOffer } from "../../src/ports/hold-offer.ts";
import { AN_ACTOR } from "../support/an-actor.ts";
import { checkStart } from "./check-conversations.ts";
import type { Plant } from "./plants.ts";
import type { Recorder, Taker } from "./recorder.ts";
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
    files: plantedFiles(store.files, plant),
    fleet: {
      ...fleet,
      // The bytes of files whose time is over are removed, and their rows stay.
      forgetFiles: (params) => (plant === "leave_remains" ? Promise.resolve() : fleet.forgetFiles(params)),
      async claimRuns(params) {
        const claim = await fleet.claimRuns(params);
        for (const run of claim.runs) recorder.claimed(run, params);
        if (claim.isAnyWithheld) recorder.counts.withheld += 1;
        return claim;
      },
      async releaseClaims(params) {
        recorder.unheard(params.gatewayId, params.claimNumbers);
        await fleet.releaseClaims(params);
      },
      async settleStalls(params) {
        await fleet.settleStalls(params);
        recorder.settled(params);
      },
      async commit(commit) {
        const last = commit.facts.length > 0 ? await lastPosition(commit) : START;
        const outcome = await fleet.commit(planted(commit, recorder, plant));
        if (outcome.kind === "committed") recorder.committed(commit, last);
        if (outcome.kind === "committed" && plant === "tell_parents_twice") await tellAgain(store, commit);
        if (outcome.kind === "fenced") recorder.counts.fenced += 1;
        if (outcome.kind === "inputs_waiting" && plant === "take_refused_for_committed")
          return { kind: "committed", wakes: [] };
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
        if (loaded !== null && plant === "forget_output_faults")
          return { ...loaded, facts: loaded.facts.map(faultless) };
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
        beginFile: (params) =>
          tenant.beginFile(plant === "two_files_of_a_key" ? { ...params, idempotencyKey: null } : params),
        useFiles: (params) => (plant === "forget_uses" ? Promise.resolve(params.fileIds) : tenant.useFiles(params)),
        async startRun(params) {
          const limits = plant === "widen_limits" ? undefined : params.limits;
          const policy = plant === "interrupt_nobody" && params.policy === "interrupt" ? "queue" : params.policy;
          const offer = plantedOffer(params, plant);
          const outcome = await tenant.startRun({ ...params, policy, limits, offer, ...plantedFork(params, plant) });
          if (outcome.kind === "thread_busy") {
            recorder.counts.rejected += 1;
            if (recorder.history(outcome.runId).hasEnded)
              recorder.fail("R5", `a start was refused for ${outcome.runId}, which has ended`);
          }
          if (outcome.kind !== "started" || !outcome.created) return outcome;
          const { runId, told } = outcome;
          const { fork = null } = params;
          if (fork !== null && fork.threadId !== null)
            recorder.origins.set(fork.threadId, { runId: fork.from.runId, isFork: true });
          const limit = 1 + (fork?.turns.length ?? 0) + params.messages.length;
          const facts = await readFacts(tenant, runId);
          recorder.started(runId, tenantId, facts.slice(0, limit));
          if (outcome.isHeld) recorder.born(runId, tenantId, params.offer ?? NOBODY, facts.slice(limit));
          for (const other of told) {
            const { messages } = params;
            const cancel = { kind: "cancel" as const, reason: null };
            recorder.enqueued(other, params.policy === "steer" ? { kind: "steer", runId, messages } : cancel);
            if (params.policy === "interrupt") recorder.counts.interrupted += 1;
          }
          checkStart(recorder, runId, params.policy);
          if (plant === "take_born_for_queued") return { ...outcome, isHeld: false };
          if (plant === "take_queued_for_born") return { ...outcome, isHeld: true };
          return outcome;
        },
        async deleteThread(params) {
          const told = await tenant.deleteThread(params);
          if (told !== null) recorder.threadDeleted(params.threadId, told);
          return told;
        },
        async branchThread(params) {
          const outcome = await tenant.branchThread(params);
          if (outcome.kind === "thread" && outcome.created)
            recorder.origins.set(outcome.thread.id, { runId: params.runId, isFork: false });
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
            if (outcome.taken !== null) recorder.taken(outcome.taken.claimed, params.offer ?? NOBODY);
          }
          const isTaken = outcome.kind === "accepted" || outcome.kind === "duplicate";
          if (isTaken) recorder.told(params.callId, params.bodyHash);
          if (outcome.kind === "accepted" && plant === "leave_what_was_taken") return { ...outcome, taken: null };
          if (outcome.kind === "conflict" && plant === "accept_second_result") {
            const call = await tenant.findCall({ callId: params.callId });
            if (call === null) return outcome;
            recorder.told(params.callId, params.bodyHash);
            return { kind: "accepted", runId: call.runId, taken: null };
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

const NOBODY: Taker = { gatewayId: "", claimNumber: 0 };

/** All facts of a run. A fork of a flooded run begins with more than a page of them. */
async function readFacts(tenant: Pick<TenantStore, "readEvents">, runId: string): Promise<EventRecord[]> {
  const facts: EventRecord[] = [];
  while (true) {
    const after = facts.at(-1) ?? START;
    const page = await tenant.readEvents({ runId, after, limit: EVENTS_PAGE_MAX, factsOnly: true });
    facts.push(...page);
    if (page.length < EVENTS_PAGE_MAX) return facts;
  }
}

/** A store of bytes that loses the second chunk of each file. */
function plantedFiles(files: FileStore, plant: Plant | null): FileStore {
  if (plant !== "lose_a_chunk") return files;
  return { ...files, putChunk: async (chunk) => (chunk.nth === 1 ? undefined : files.putChunk(chunk)) };
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

/** Puts the input by which a parent is told into its inbox once more. */
async function tellAgain(store: Store, { tenantId, tellsParent }: Commit): Promise<void> {
  if (tellsParent === null) return;
  const input = tellsParent.input as unknown as Parameters<TenantStore["enqueueInput"]>[0]["input"];
  await store.forTenant(tenantId).enqueueInput({ by: AN_ACTOR, runId: tellsParent.runId, input, dedupe: null });
}

function withoutUsage(told: Commit["tellsParent"]): Commit["tellsParent"] {
  if (told?.input.child === undefined) return told;
  return { ...told, input: { ...told.input, child: { ...told.input.child, usage: {} } } };
}

type Start = Parameters<TenantStore["startRun"]>[0];

/** An offer that begins a run, while the store queues it all the same. */
function plantedOffer({ offer = null }: Start, plant: Plant | null): StartOffer | null {
  if (offer === null || plant !== "take_queued_for_born") return offer;
  const { gatewayId, claimNumber, leaseDurationMs } = offer;
  const begin: StartOffer["begin"] = (run) => {
    offer.begin(run);
    return null;
  };
  return { gatewayId, claimNumber, leaseDurationMs, begin, sent: () => offer.sent() };
}

/** A fork that a repeated request makes anew, or one that executes a call again by itself. */
function plantedFork({ fork, idempotency }: Start, plant: Plant | null): Partial<Start> {
  if (fork === undefined || fork === null) return {};
  if (plant === "fork_twice") return { idempotency: idempotency === null ? null : { ...idempotency, key: v7() } };
  if (plant !== "repeat_in_fork") return {};
  const last = fork.turns.findLast((fact) => fact.type === "tool.reused");
  const step = fork.turns.findLast((fact) => fact.type === "step.reused");
  if (last === undefined || step === undefined) return {};
  const { callId, toolName } = last.data;
  const again = { callId: v7(), toolName, args: {}, of: callId };
  const text = JSON.stringify(fork.turns.filter((fact) => fact !== last)).replaceAll(callId, again.callId);
  const turns = (JSON.parse(text) as Fact[]).map((fact) =>
    fact.type === "step.reused" && fact.data.step === step.data.step
      ? { ...fact, data: { ...fact.data, reruns: [...(fact.data.reruns ?? []), again] } }
      : fact,
  );
  return { fork: { ...fork, turns } };
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
    case "leave_children":
      return { ...commit, calls: commit.calls.map((call) => ({ ...call, settledAt: null })) };
    case "tell_no_parent":
      return { ...commit, tellsParent: null };
    case "count_no_children":
      return { ...commit, tellsParent: withoutUsage(commit.tellsParent) };
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

/** A fact without what was wrong with the answer. */
function faultless(fact: EventRecord): EventRecord {
  if (fact.type !== "step.completed") return fact;
  const { outputFault: _, ...data } = dataOf(fact);
  return { ...fact, payload: JSON.stringify(data) };
}
