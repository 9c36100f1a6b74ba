import type { Agent, AgentVersion, Page, PageQuery, PromoteBody, PushAgentBody, PushedAgent } from "@hsafa/protocol";
import type { CallOptions, Connection } from "./connection.ts";

/** The calls about agents. Each rejects with an `HsafaError`, or with the signal's reason. */
export interface Agents {
  /** Makes a version of an agent. If there is one with this very config, returns that one with `created: false`. */
  push(agent: PushAgentBody, options?: CallOptions): Promise<PushedAgent>;
  /** Returns a page of agents. */
  list(query?: PageQuery, options?: CallOptions): Promise<Page<Agent>>;
  /** Returns an agent with the version that new runs take. */
  get(idOrName: string, options?: CallOptions): Promise<Agent>;
  /** Returns a page of an agent's versions, newest first. */
  versions(idOrName: string, query?: PageQuery, options?: CallOptions): Promise<Page<AgentVersion>>;
  /** Returns one version of an agent. */
  version(idOrName: string, versionId: string, options?: CallOptions): Promise<AgentVersion>;
  /** Makes this the version that new runs take. */
  promote(idOrName: string, versionId: string, options?: CallOptions): Promise<Agent>;
}

/** Makes the calls about agents. */
export function createAgents(connection: Connection): Agents {
  const path = (idOrName: string, more = ""): string => `/api/agents/${encodeURIComponent(idOrName)}${more}`;
  return {
    push(agent, options = {}) {
      return connection.call("/api/agents", { method: "POST", body: agent, ...options });
    },
    list(query = {}, options = {}) {
      return connection.call("/api/agents", { query: { ...query }, ...options });
    },
    get(idOrName, options = {}) {
      return connection.call(path(idOrName), options);
    },
    versions(idOrName, query = {}, options = {}) {
      return connection.call(path(idOrName, "/versions"), { query: { ...query }, ...options });
    },
    version(idOrName, versionId, options = {}) {
      return connection.call(path(idOrName, `/versions/${encodeURIComponent(versionId)}`), options);
    },
    promote(idOrName, versionId, options = {}) {
      const body: PromoteBody = { versionId };
      return connection.call(path(idOrName, "/promote"), { method: "POST", body, ...options });
    },
  };
}
