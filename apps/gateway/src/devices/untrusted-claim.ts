import type { DeviceRegister } from "@hsafa/protocol";
import type { Principal } from "../access/principal.ts";

/**
 * What a device of the pool claims beyond what its token names, as a sentence, or null. A key is believed, also that of
 * a user: it was given the pool by its operator.
 */
export function untrustedClaim(
  { kind, ...named }: Principal,
  { labels = {}, tools }: Pick<DeviceRegister, "labels" | "tools">,
): string | null {
  if (kind !== "token") return null;
  const label = Object.entries(labels).find(([name, value]) => named.labels?.[name] !== value);
  if (label !== undefined) return `The token does not name the label '${label[0]}' with this value.`;
  const tool = tools.find(({ name }) => named.tools?.includes(name) === false);
  return tool === undefined ? null : `The token does not name the tool '${tool.name}'.`;
}
