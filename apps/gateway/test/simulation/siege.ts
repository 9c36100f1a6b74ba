import type { AgentConfigInput } from "@hsafa/protocol";
import { INPUTS_PER_DRAIN_MAX } from "../../src/ports/limits.ts";
import { AGENT_NAME } from "./agent.ts";
import type { Clients } from "./client.ts";
import type { Random } from "./random.ts";
import type { Recorder } from "./recorder.ts";
import type { Scheduler } from "./scheduler.ts";

/** A second tenant, which is hostile: it fills every place that it gets, and stalls whatever gateway takes its runs. */
export const SIEGE_TENANT = "hostile";
export const SIEGE_KEY = "hsafa_hostile";

/**
 * Places of a gateway in such a world. A hostile tenant can have 18 of them. With the six that are left, five runs of
 * another tenant never wait for each other.
 */
export const SIEGE_PLACES = 24;
/** So many runs of another tenant never wait for each other. */
export const SIEGE_RUNS_APART = 5;
/** Runs of the hostile tenant for each gateway: more than it has places. */
const RUNS_PER_GATEWAY = 30;
/** The tool of the hostile tenant: its answer drips and is never whole. */
export const DRIPPING_TOOL = "drip";
/** Longer than any world lives. */
const NEVER_MS = 20 * 60_000;

/** What the runs of the hostile tenant do. Each that ends makes room for the next. */
export type SiegeKind = "silent" | "brief" | "drips" | "calls" | "stalls";

/** Their share. A run that drips costs the simulation much, and one that stalls costs everybody much. */
const KINDS: readonly SiegeKind[] = [
  ...Array.from({ length: 16 }, () => "silent" as const),
  ...Array.from({ length: 8 }, () => "brief" as const),
  ...Array.from({ length: 5 }, () => "calls" as const),
  "drips",
];

export const SIEGE_AGENT: AgentConfigInput = {
  name: AGENT_NAME,
  model: "demo/scripted",
  modelIdleTimeoutMs: NEVER_MS,
  retry: { maxAttempts: 1 },
  tools: [
    { name: DRIPPING_TOOL, inputSchema: { type: "object" }, server: { type: "function" }, timeoutMs: NEVER_MS },
    { name: "fetch", inputSchema: { type: "object" }, server: { type: "function" }, repeatable: true },
  ],
};

const MESSAGE = /^siege (\w+) \d+$/;

/** What a run whose last message this is does; null: it is of another tenant. */
export function siegeKindOf(message: string): SiegeKind | null {
  return (MESSAGE.exec(message)?.[1] as SiegeKind | undefined) ?? null;
}

/** Begins the siege: its runs are started within two seconds, and the inbox of one is flooded in half of the worlds. */
export function besiege(params: {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly recorder: Recorder;
  readonly clients: Clients;
  readonly gateways: number;
}): void {
  const { scheduler, random, recorder, clients, gateways } = params;
  const later = (delayMs: number, act: () => Promise<unknown>): void =>
    void scheduler.after(delayMs, "siege", () => {
      act().catch((error: unknown) => recorder.fail("bug", String(error)));
    });
  const isFlooded = random.chance(0.5);
  const stalls = random.whole(0, 2);
  for (let n = 0; n < RUNS_PER_GATEWAY * gateways; n++) {
    const kind = n < stalls ? "stalls" : (KINDS[n % KINDS.length] ?? "silent");
    later(random.between(0, 2000), async () => {
      const runId = await clients.start({ input: `siege ${kind} ${n}`, threadId: undefined, deviceKey: "none" });
      if (n !== stalls || !isFlooded) return;
      for (let word = 0; word <= INPUTS_PER_DRAIN_MAX; word++)
        later(random.between(0, 3000), () => clients.say(runId, `word ${word}`));
    });
  }
}
