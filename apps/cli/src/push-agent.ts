import type { Client } from "@hsafa/client";
import { HsafaError } from "@hsafa/client";
import type { AgentVersion, PushedAgent } from "@hsafa/protocol";
import type { AgentFile } from "./agent-file.ts";
import { type ConfigChange, configDiff } from "./config-diff.ts";
import { configHash } from "./config-hash.ts";
import { eachItem } from "./each-item.ts";
import { VERSIONS_SEARCHED_MAX } from "./limits.ts";

/** What a push of a file does, or would do. */
export interface PushPlan {
  readonly name: string;
  readonly configHash: string;
  /** `create`: a version; `promote`: one that is there; `none`: new runs take this config already. */
  readonly effect: "create" | "promote" | "none";
  /** The version with this config, if there is one. */
  readonly version: AgentVersion | null;
  /** What differs from the version that new runs take; none if there is none, or its config may not be read. */
  readonly changes: readonly ConfigChange[];
}

/** Returns what a push of this agent would do, and changes nothing. */
export async function planPush(client: Client, { name, config }: AgentFile): Promise<PushPlan> {
  const hash = configHash(config);
  const current = await currentVersion(client, name);
  if (current === undefined) return { name, configHash: hash, effect: "create", version: null, changes: [] };
  if (current?.configHash === hash) {
    return { name, configHash: hash, effect: "none", version: current, changes: [] };
  }
  const version = await versionWith(client, name, hash);
  const changes = current?.config === undefined ? [] : configDiff(current.config, config);
  return { name, configHash: hash, effect: version === null ? "create" : "promote", version, changes };
}

/** Pushes an agent, and returns what the gateway made of it. */
export function pushAgent(
  client: Client,
  { name, config }: AgentFile,
  { promote, label }: { readonly promote: boolean; readonly label?: string | undefined },
): Promise<PushedAgent> {
  return client.agents.push({ name, config, promote, version: label });
}

/** `undefined`: there is no such agent; `null`: no version of it was promoted. */
async function currentVersion(client: Client, name: string): Promise<AgentVersion | null | undefined> {
  try {
    return (await client.agents.get(name)).currentVersion;
  } catch (error) {
    if (error instanceof HsafaError && error.code === "not_found") return undefined;
    throw error;
  }
}

async function versionWith(client: Client, name: string, hash: string): Promise<AgentVersion | null> {
  const versions = eachItem((query) => client.agents.versions(name, query), VERSIONS_SEARCHED_MAX);
  for await (const version of versions) if (version.configHash === hash) return version;
  return null;
}
