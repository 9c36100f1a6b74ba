import type { AgentConfigInput } from "./agent-config.ts";
import type { JsonObject } from "./json.ts";

/** The body of `POST /api/agents`. */
export interface PushAgentBody {
  readonly name: string;
  /** The gateway checks the config, and refuses a fault as `invalid_agent_config`. */
  readonly config: AgentConfigInput | JsonObject;
  /** A label for this version; its number among the agent's versions if left out. */
  readonly version?: string;
  /** What this version is about, for people. */
  readonly description?: string;
  /** Whether new runs take this version from now on; `true` if left out. */
  readonly promote?: boolean;
}

/** What is not wrong with a config, and should be changed. */
export interface ConfigWarning {
  /** Where in the body it lies, such as `config.tools.0.server.url`. */
  readonly path: string;
  readonly message: string;
}

/** The response to a pushed agent. */
export interface PushedAgent {
  readonly agentId: string;
  readonly versionId: string;
  /** The version's label. */
  readonly version: string;
  /** The SHA-256 of the config's canonical JSON (RFC 8785), in hexadecimal. */
  readonly configHash: string;
  /** `false` if a version with this very config was there already. */
  readonly created: boolean;
  /** Left out if there are none. */
  readonly warnings?: readonly ConfigWarning[];
}

/** A version of an agent. It never changes. */
export interface AgentVersion {
  readonly id: string;
  readonly agentId: string;
  /** The version's label. */
  readonly version: string;
  /** The SHA-256 of the config's canonical JSON (RFC 8785), in hexadecimal. */
  readonly configHash: string;
  /**
   * The config as it was pushed, without defaults. `***` stands for each credential that it holds in clear. Only keys
   * and tokens with `agents:write` get it.
   */
  readonly config?: JsonObject;
  readonly description: string | null;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
}

/** An agent with the version that new runs take. */
export interface Agent {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  /** `null` until a version was promoted. */
  readonly currentVersion: AgentVersion | null;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** ISO 8601, UTC. */
  readonly updatedAt: string;
}

/** The body of `POST /api/agents/:idOrName/promote`. */
export interface PromoteBody {
  /** The version that new runs take from now on. */
  readonly versionId: string;
}
