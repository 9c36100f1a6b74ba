import type { ApiKey } from "@hsafa/protocol";
import type { StatusWords } from "../words/status-words.ts";

/** How a key stands. `now`: in ms since the epoch. */
export function keyWords({ revokedAt, expiresAt }: ApiKey, now: number): StatusWords {
  if (revokedAt !== null) return { word: "revoked", tone: "canceled" };
  if (expiresAt !== null && Date.parse(expiresAt) <= now) return { word: "expired", tone: "canceled" };
  return { word: "taken", tone: "completed" };
}

/** What a key may do, and whose it is. */
export function reachWords({ scopes, subject, groups }: ApiKey): string {
  const whose = subject === null ? "" : `, for ${subject}`;
  const within = groups.length === 0 ? "" : `, in ${groups.join(" and ")}`;
  return scopes.join(", ") + whose + within;
}
