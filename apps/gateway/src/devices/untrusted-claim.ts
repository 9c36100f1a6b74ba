import type { DeviceRegister } from "@hsafa/protocol";
import type { Principal } from "../access/principal.ts";

/** What a device says of itself that its token may have to name. */
export interface DeviceClaim {
  readonly labels: Readonly<Record<string, string>>;
  readonly toolNames: readonly string[];
}

/** Without the schemas of the tools: a session keeps its claim, and they are the most of what a device sends. */
export function claimOf({ labels = {}, tools }: Pick<DeviceRegister, "labels" | "tools">): DeviceClaim {
  return { labels, toolNames: tools.map(({ name }) => name) };
}

/**
 * What a device of the pool claims beyond what its token names, as a sentence, or null. A key is believed, also that of
 * a user: it was given the pool by its operator.
 */
export function untrustedClaim({ kind, ...named }: Principal, { labels, toolNames }: DeviceClaim): string | null {
  if (kind !== "token") return null;
  const label = Object.entries(labels).find(([name, value]) => named.labels?.[name] !== value);
  if (label !== undefined) return `The token does not name the label '${label[0]}' with this value.`;
  const tool = toolNames.find((name) => named.tools?.includes(name) === false);
  return tool === undefined ? null : `The token does not name the tool '${tool}'.`;
}
