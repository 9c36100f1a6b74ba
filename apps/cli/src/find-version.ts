import type { Client } from "@hsafa/client";
import type { AgentVersion } from "@hsafa/protocol";
import { CliError } from "./cli-error.ts";
import { eachItem } from "./each-item.ts";
import { HASH_CHARACTERS_MIN, VERSIONS_SEARCHED_MAX } from "./limits.ts";
import { own } from "./shown.ts";

/** Returns a version of an agent by its label, its id, or the beginning of its hash. The newest one wins. */
export async function findVersion(client: Client, agent: string, named: string): Promise<AgentVersion> {
  const read = eachItem((query) => client.agents.versions(agent, query), VERSIONS_SEARCHED_MAX);
  let byHash: AgentVersion | null = null;
  for await (const version of read) {
    if (version.version === named || version.id === named) return version;
    if (named.length >= HASH_CHARACTERS_MIN && version.configHash.startsWith(named)) byHash ??= version;
  }
  if (byHash !== null) return byHash;
  throw new CliError(own`${agent} has no version '${named}'; 'npx hsafa versions ${agent}' lists them.`);
}
