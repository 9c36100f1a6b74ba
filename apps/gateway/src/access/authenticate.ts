import { API_KEY_CACHE_MAX, API_KEY_CACHE_TTL_MS, CREDENTIAL_CHARACTERS_MAX } from "./limits.ts";
import type { Clock } from "../ports/clock.ts";
import type { ApiKeyOwner, FleetStore } from "../ports/fleet-store.ts";
import { apiKeyHash } from "./api-key.ts";
import type { Principal } from "./principal.ts";
import { type Refusal, refuse } from "./refusal.ts";
import { looksLikeToken, verifyBrowserToken } from "./browser-token.ts";

export type Authentication = { readonly kind: "authenticated"; readonly principal: Principal } | Refusal;

/**
 * Finds the holder of a credential: an API key or a browser token, without the word `Bearer`. Refuses with
 * `unauthenticated`. Rejects only with `StoreUnavailable`.
 */
export type Authenticate = (credential: string) => Promise<Authentication>;

/**
 * Makes the authenticator of a gateway. It remembers known keys for `API_KEY_CACHE_TTL_MS`: a revoked key lives on for
 * that long. It remembers no unknown key. So a new key works at once, and guesses cannot push known keys out.
 */
export function createAuthenticate(deps: {
  readonly fleet: Pick<FleetStore, "findApiKey">;
  readonly tokenSecret: Uint8Array;
  readonly clock: Pick<Clock, "now" | "monotonic">;
}): Authenticate {
  const known = new Map<string, { readonly owner: ApiKeyOwner; readonly until: number }>();

  async function ownerOf(key: string): Promise<ApiKeyOwner | null> {
    const keyHash = apiKeyHash(key);
    const remembered = known.get(keyHash);
    if (remembered !== undefined && remembered.until > deps.clock.monotonic()) return remembered.owner;
    const owner = await deps.fleet.findApiKey({ keyHash });
    known.delete(keyHash);
    if (owner === null) return null;
    const oldest = known.size >= API_KEY_CACHE_MAX ? known.keys().next().value : undefined;
    if (oldest !== undefined) known.delete(oldest);
    known.set(keyHash, { owner, until: deps.clock.monotonic() + API_KEY_CACHE_TTL_MS });
    return owner;
  }

  return async (credential) => {
    if (credential.length > CREDENTIAL_CHARACTERS_MAX) {
      return refuse("unauthenticated", "The credential is longer than any key or token.");
    }
    if (looksLikeToken(credential)) {
      const token = await verifyBrowserToken(deps.tokenSecret, credential, deps.clock.now());
      return token.kind === "valid" ? { kind: "authenticated", principal: token.principal } : token;
    }
    const owner = await ownerOf(credential);
    if (owner === null) return refuse("unauthenticated", "The API key is unknown or was revoked.");
    const { tenantId, name, scopes } = owner;
    return { kind: "authenticated", principal: { kind: "api_key", tenantId, name, scopes } };
  };
}
