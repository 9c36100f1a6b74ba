import { setTimeout as sleep } from "node:timers/promises";
import { type Client, HsafaError } from "@hsafa/client";
import type { RunEvent } from "@hsafa/protocol";
import { isSettlement } from "../support/watched-record.ts";
import type { Submission } from "../support/submissions.ts";
import type { Interjection } from "./agent.ts";
import { type RetryRule, untilAnswered } from "./calls.ts";

/**
 * A person's program for one run that it watches: it gives results, approves or denies calls, and sends messages. It
 * submits everything twice, as a client does that lost the first response.
 */
export interface Person {
  /** Takes the run's next event. */
  see(event: RunEvent): void;
  /** Waits for all responses, and returns what was submitted with the statuses. To be called after the run's end. */
  submissions(): Promise<readonly Submission[]>;
}

export function createPerson(params: {
  readonly runId: string;
  readonly hsafa: Client;
  readonly messages: readonly Interjection[];
}): Person {
  const { runId, hsafa, messages } = params;
  const submissions: Submission[] = [];
  const acts: Promise<void>[] = [];
  /** The arguments of the calls, by id. */
  const asked = new Map<string, unknown>();
  const settled = new Set<string>();
  let hasBegun = false;

  function act(doing: Promise<void>): void {
    acts.push(doing);
    // `submissions` rejects if it fails.
    doing.catch(() => {});
  }

  async function answer(callId: string): Promise<void> {
    const mark = `the answer to ${callId}`;
    const submit = async (signal: AbortSignal): Promise<number> => {
      const { duplicate } = await hsafa.runs.submitToolResult(runId, { callId, result: mark }, { signal });
      return duplicate ? 200 : 202;
    };
    // The call may not be dispatched yet. Once it is settled otherwise, no result is needed.
    const isEarly = (code: string): boolean =>
      (code === "result_conflict" || code === "not_found") && !settled.has(callId);
    const first = await told(submit, isEarly);
    // The client repeats what got no response. Nobody else gives this result, so a repeat shows that it was accepted.
    const status = first === 200 ? 202 : first;
    submissions.push({ kind: "result", runId, callId, mark, status });
    submissions.push({ kind: "result", runId, callId, mark, status: await told(submit) });
  }

  async function decide(callId: string): Promise<void> {
    const approved = isFine(asked.get(callId));
    const mark = `the decision on ${callId}`;
    const submit = async (signal: AbortSignal): Promise<number> => {
      await hsafa.runs.approve(runId, { callId, approved, reason: mark }, { signal });
      return 202;
    };
    for (const status of [await told(submit), await told(submit)]) {
      submissions.push({ kind: "approval", runId, callId, mark, approved, status });
    }
  }

  async function tell({ afterMs, text }: Interjection, idempotencyKey: string): Promise<void> {
    await sleep(afterMs);
    const submit = async (signal: AbortSignal): Promise<number> => {
      await hsafa.runs.send(runId, text, { idempotencyKey, signal });
      return 202;
    };
    for (const status of [await told(submit), await told(submit)]) {
      submissions.push({ kind: "message", runId, mark: text, status });
    }
  }

  return {
    see(event) {
      if (!hasBegun) {
        hasBegun = true;
        for (const [index, message] of messages.entries()) act(tell(message, `${runId} ${index}`));
      }
      if (isSettlement(event)) settled.add(event.data.callId);
      else if (event.type === "tool.requested") {
        asked.set(event.data.callId, event.data.args);
        if (event.data.target === "external") act(answer(event.data.callId));
      } else if (event.type === "tool.awaiting_approval") act(decide(event.data.callId));
    },
    async submissions() {
      await Promise.all(acts);
      return submissions;
    },
  };
}

/** Calls that are not fine are denied. */
function isFine(args: unknown): boolean {
  return typeof args === "object" && args !== null && "isFine" in args && args.isFine === true;
}

/** Repeats a call until it gets a response, which may be a refusal. Returns its status. */
async function told(call: (signal: AbortSignal) => Promise<number>, alsoRetry?: RetryRule): Promise<number> {
  try {
    return await untilAnswered(call, { alsoRetry: alsoRetry ?? (() => false) });
  } catch (error) {
    if (error instanceof HsafaError && error.status !== 0) return error.status;
    throw error;
  }
}
