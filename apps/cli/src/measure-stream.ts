import type { Client } from "@hsafa/client";
import { MEASURED_RUN_MS_MAX, STREAM_SPREAD_MS_MIN } from "./limits.ts";

/** Whether the events of a run come as they happen. `spreadMs`: how far they lay apart at the gateway. */
export type StreamMeasure =
  | { readonly kind: "flows" | "held_back"; readonly spreadMs: number }
  | { readonly kind: "too_short" };

/** Starts a run of an agent, and compares when its events happened with when they came. */
export async function measureStream(client: Client, agent: string): Promise<StreamMeasure> {
  const { runId } = await client.runs.start({ agent, input: "Say a few sentences about the weather." });
  const happened: number[] = [];
  const came: number[] = [];
  const signal = AbortSignal.timeout(MEASURED_RUN_MS_MAX);
  try {
    for await (const event of client.runs.stream(runId, { signal })) {
      if (!("ts" in event)) continue;
      happened.push(Date.parse(event.ts));
      came.push(performance.now());
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    // It waits, for a device or an approval. What came until then is enough to judge.
    await client.runs.cancel(runId, { reason: "it was started to measure its stream" });
  }
  return judgeStream(happened, came);
}

/** Judges two lists of times, in milliseconds: of the same events, by two clocks. */
export function judgeStream(happened: readonly number[], came: readonly number[]): StreamMeasure {
  const spreadMs = spreadOf(happened);
  if (spreadMs < STREAM_SPREAD_MS_MIN) return { kind: "too_short" };
  // A buffer hands out at once what happened over a time.
  return { kind: spreadOf(came) < spreadMs / 2 ? "held_back" : "flows", spreadMs };
}

function spreadOf(times: readonly number[]): number {
  return times.length === 0 ? 0 : Math.round(Math.max(...times) - Math.min(...times));
}
