import type { AgentConfig } from "@hsafa/protocol";
import { storedAgentConfigSchema } from "@hsafa/protocol/schema";
import type { TenantId } from "../../core/tenant-id.ts";
import { CLOCKS_DIFFER_MS_MAX, REMEMBERED_AGENTS_MAX, REMEMBERED_CONFIG_CHARACTERS_MAX } from "./limits.ts";

/** How a request names an agent, and a version of it. */
export interface AgentName {
  readonly agent: string;
  readonly versionId: string | undefined;
}

/** What a request was found to name. */
export interface RememberedAgent {
  readonly agentId: string;
  readonly versionId: string;
  readonly configText: string;
  /** With defaults filled in. */
  readonly config: AgentConfig;
}

/** The clocks of this machine, in ms. */
export interface MachineClocks {
  readonly wall: () => number;
  readonly monotonic: () => number;
}

const CLOCKS: MachineClocks = { wall: () => Date.now(), monotonic: () => performance.now() };

/**
 * What starts have looked up, so that the next one need not ask first.
 *
 * 1. It is a guess: another version may be the agent's by now. So the statement that goes by it looks again, and does
 *    nothing if it was wrong.
 * 2. The store's time is reckoned on from the last answer. Where the clocks of this machine disagree, it slept, or a
 *    clock was set. Then the store is asked.
 * 3. It is bounded in agents, and in characters of each (R9). Beyond the bound all are forgotten.
 */
export class RememberedAgents {
  readonly #clocks: MachineClocks;
  readonly #agents = new Map<string, RememberedAgent>();
  #answer: { readonly storeNow: number; readonly wall: number; readonly monotonic: number } | null = null;

  constructor(clocks: MachineClocks = CLOCKS) {
    this.#clocks = clocks;
  }

  /** The time of the store, in ms; null: it is to be asked (2.). */
  get now(): number | null {
    if (this.#answer === null) return null;
    const passed = this.#clocks.monotonic() - this.#answer.monotonic;
    const isSteady = Math.abs(this.#clocks.wall() - this.#answer.wall - passed) <= CLOCKS_DIFFER_MS_MAX;
    return isSteady ? Math.floor(this.#answer.storeNow + passed) : null;
  }

  /** The store has just told its time. */
  heard(storeNow: number): void {
    this.#answer = { storeNow, wall: this.#clocks.wall(), monotonic: this.#clocks.monotonic() };
  }

  find(tenantId: TenantId, name: AgentName): RememberedAgent | null {
    return this.#agents.get(keyOf(tenantId, name)) ?? null;
  }

  /** Returns what was found, with its config read. */
  found(tenantId: TenantId, name: AgentName, { configText, ...ids }: Omit<RememberedAgent, "config">): RememberedAgent {
    const key = keyOf(tenantId, name);
    const known = this.#agents.get(key);
    if (known?.versionId === ids.versionId && known.agentId === ids.agentId) return known;
    const agent = { ...ids, configText, config: storedAgentConfigSchema.parse(JSON.parse(configText)) };
    // 3.
    if (configText.length > REMEMBERED_CONFIG_CHARACTERS_MAX) return agent;
    if (this.#agents.size >= REMEMBERED_AGENTS_MAX) this.#agents.clear();
    this.#agents.set(key, agent);
    return agent;
  }

  forget(tenantId: TenantId, name: AgentName): void {
    this.#agents.delete(keyOf(tenantId, name));
  }
}

function keyOf(tenantId: TenantId, { agent, versionId }: AgentName): string {
  return JSON.stringify([tenantId, agent, versionId]);
}
