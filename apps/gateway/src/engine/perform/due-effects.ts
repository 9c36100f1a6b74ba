import { type Effect, effectsOf } from "../../core/effects.ts";
import type { RunInput } from "../../core/input.ts";
import { STEP_DURATION_MS_MAX } from "../../core/limits.ts";
import { pastConversation } from "../../core/past-conversation.ts";
import type { QuotaLack } from "../../core/quotas.ts";
import type { RunState } from "../../core/run-state.ts";
import { pricedUsage } from "../../core/priced-usage.ts";
import { oldestRuns, stepConversation, summaryConversation } from "../../core/step-conversation.ts";
import { chargeBytes } from "../../runtime/charge-bytes.ts";
import { takeBytesTurn } from "../../runtime/take-bytes-turn.ts";
import { StoreUnavailable } from "../../ports/store.ts";
import type { PerformEffect } from "../effects-in-flight.ts";
import type { EngineDeps } from "../engine-deps.ts";
import type { RunWriter } from "../run-writer.ts";
import { loadFiles } from "./load-files.ts";
import { callModel } from "./call-model.ts";
import { runServerTool } from "./run-server-tool.ts";
import { summarizeThread } from "./summarize-thread.ts";
import type { ThreadHistory } from "./thread-history.ts";
import { withinTime } from "./within-time.ts";
import type { TenantId } from "../../core/tenant-id.ts";

/** What effects are performed with. */
export interface EffectTools {
  readonly tenantId: TenantId;
  readonly deps: Pick<
    EngineDeps,
    "model" | "schemas" | "clock" | "serverTools" | "log" | "turns" | "quotas" | "prices" | "fileLoading"
  >;
  readonly writer: Pick<RunWriter, "openStep" | "write" | "waitForCapacity">;
  readonly history: ThreadHistory;
  /** Called when foreign code that works for this run has just run. */
  readonly onRan: () => void;
}

/**
 * What a committed state calls for (R4), each effect under a key of its own. The same effect has the same key in every
 * state that calls for it, so none is begun twice.
 *
 * An effect never rejects. What it throws is a bug, and the outcome of this step or call alone: the lease goes on, and
 * the run does not spin.
 */
export function dueEffects(state: RunState, tools: EffectTools): ReadonlyMap<string, PerformEffect> {
  const due = new Map<string, PerformEffect>();
  const { runId } = state.run;
  const { onRan, tenantId } = tools;
  for (const effect of effectsOf(state)) {
    switch (effect.kind) {
      case "call_model": {
        const { clock, log } = tools.deps;
        const perform = withinTime({
          clock,
          limitMs: STEP_DURATION_MS_MAX,
          perform: async (signal) => priced(await performStep(state, effect, tools, signal), state, tools),
          late: () => lateStep(clock.random()),
        });
        due.set(stepKey(effect.seq), (signal) =>
          orOutcome(perform(signal), {
            signal,
            onRan,
            outcome: () => brokenStep(clock.random()),
            onBug: (error) => log.error({ err: error, tenantId, runId }, "a step could not be performed"),
          }),
        );
        break;
      }
      case "perform_tool": {
        const { call, attempt } = effect;
        const { serverTools, clock, log } = tools.deps;
        due.set(`tool:${call.callId}:${attempt}`, (signal) =>
          orOutcome(runServerTool({ serverTools, clock, tenantId, runId, call, attempt, signal }), {
            signal,
            onRan,
            outcome: () => brokenCall(call.callId, attempt),
            onBug: (error) =>
              log.error({ err: error, tenantId, runId, tool: call.toolName }, "a tool could not be performed"),
          }),
        );
        break;
      }
      case "wait":
        throw new Error("A run that only waits is never held.");
      default:
        effect satisfies never;
    }
  }
  return due;
}

/** The key of the effect that asks the model for the step whose `step.started` has this seq. */
export function stepKey(seq: number): string {
  return `step:${seq}`;
}

async function orOutcome(
  performed: Promise<RunInput | null>,
  params: {
    readonly signal: AbortSignal;
    readonly onRan: () => void;
    readonly outcome: () => RunInput;
    readonly onBug: (error: unknown) => void;
  },
): Promise<RunInput | null> {
  // It has begun by now.
  params.onRan();
  try {
    return await performed;
  } catch (error) {
    params.onBug(error);
    return params.signal.aborted ? null : params.outcome();
  } finally {
    params.onRan();
  }
}

function lateStep(jitter: number): RunInput {
  const message = `The step took longer than ${STEP_DURATION_MS_MAX / 60_000} minutes, the most that one step may take.`;
  return { kind: "step_failed", failure: { kind: "timeout", message, retryAfterMs: null }, jitter };
}

function brokenStep(jitter: number): RunInput {
  const message = "The gateway met an error of its own while it asked the model. Its log has the reason.";
  return { kind: "step_failed", failure: { kind: "other", message, retryAfterMs: null }, jitter };
}

function withoutTokens({ used, limit }: QuotaLack, jitter: number): RunInput {
  const message = `The tenant's quota 'tokensPerDay' is used up: ${used} of ${limit}. The model was not asked.`;
  return { kind: "step_failed", failure: { kind: "quota_exceeded", message, retryAfterMs: null }, jitter };
}

function withoutPrice(model: string, jitter: number): RunInput {
  const message = `The run has the limit 'costUsd', and the gateway has no price of '${model}'. The model was not asked.`;
  return { kind: "step_failed", failure: { kind: "price_unknown", message, retryAfterMs: null }, jitter };
}

function filesAway(jitter: number): RunInput {
  const message = "The files of the conversation cannot be read now. The model was not asked.";
  return { kind: "step_failed", failure: { kind: "network", message, retryAfterMs: null }, jitter };
}

async function orAway<T>(loading: Promise<T>): Promise<T | "away"> {
  try {
    return await loading;
  } catch (error) {
    if (error instanceof StoreUnavailable) return "away";
    throw error;
  }
}

/** What a step cost stands in its fact, so that a price which changes later changes no record. */
function priced(told: RunInput | null, { run }: RunState, { deps }: EffectTools): RunInput | null {
  if (told?.kind !== "step_finished") return told;
  return { ...told, usage: pricedUsage(told.usage, deps.prices.get(run.config.model)) };
}

function brokenCall(callId: string, attempt: number): RunInput {
  const reason = "The gateway met an error of its own while it performed the call. Its log has the reason.";
  return { kind: "server_tool_finished", callId, attempt, outcome: { kind: "unknown", reason } };
}

async function performStep(
  state: RunState,
  { step, seq, summarizesThrough }: Extract<Effect, { kind: "call_model" }>,
  { tenantId, deps, writer, history, onRan }: EffectTools,
  signal: AbortSignal,
): Promise<RunInput | null> {
  writer.openStep(step, seq);
  const lack = deps.quotas.lackAsRemembered(tenantId, ["tokensPerDay"]);
  if (lack !== null) return withoutTokens(lack, deps.clock.random());
  const { run } = state;
  const { model } = run.config;
  if (run.limits.costUsd !== undefined && !deps.prices.has(model)) return withoutPrice(model, deps.clock.random());
  deps.turns.seen(tenantId);
  const nextTurn = (): Promise<void> => {
    onRan();
    return deps.turns.take(tenantId);
  };
  const earlier = await history.of(run);
  if (earlier === null || signal.aborted) return null;
  const { unread } = earlier;
  const past = pastConversation(earlier.runs, { form: run.historyForm, versionId: run.versionId });
  if (summarizesThrough !== undefined) {
    const messages = summaryConversation(run, past.runs, summarizesThrough);
    const leftOut = unread === 0 ? [] : [oldestRuns(unread)];
    const { config } = run;
    return summarizeThread({ deps, config, messages, throughRunId: summarizesThrough, leftOut, signal, nextTurn });
  }
  // What a large conversation costs was charged when it was loaded and committed. Its tenant waits here, and not with a
  // commit, which the lease depends on.
  if (deps.turns.owes(tenantId)) await nextTurn();
  if (signal.aborted) return null;
  const conversation = stepConversation(run, past.runs, unread);
  switch (conversation.kind) {
    case "summarize":
      return { kind: "summary_due", throughRunId: conversation.throughRunId };
    case "refuse": {
      const { message, sent } = conversation;
      const failure = { kind: "context_exceeded", message, retryAfterMs: null } as const;
      return { kind: "step_failed", failure, jitter: deps.clock.random(), sent };
    }
    case "show": {
      const { messages } = conversation;
      const onRead = (bytes: number): Promise<void> => {
        onRan();
        return takeBytesTurn(deps.turns, tenantId, bytes);
      };
      const loaded = await orAway(loadFiles(deps.fileLoading, { tenantId, messages, signal, onRead }));
      if (loaded === null || signal.aborted) return null;
      if (loaded === "away") return filesAway(deps.clock.random());
      // They are written into the request, which costs the loop. The tenant waits for that here.
      chargeBytes(deps.turns, tenantId, loaded.bytes);
      if (deps.turns.owes(tenantId)) await nextTurn();
      return callModel({
        tenantId,
        model: deps.model,
        schemas: deps.schemas,
        clock: deps.clock,
        config: run.config,
        messages: loaded.messages,
        leftOut: [...past.leftOut, ...conversation.leftOut, ...loaded.leftOut],
        sent: conversation.sent,
        signal,
        waitForCapacity() {
          onRan();
          return writer.waitForCapacity();
        },
        nextTurn,
        onPart(part) {
          onRan();
          // A step that was abandoned may be followed by another one, which this is no part of.
          if (!signal.aborted) writer.write(part);
        },
        onRan,
      }).finally(loaded.leave);
    }
    default:
      return conversation satisfies never;
  }
}
