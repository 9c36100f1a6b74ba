import { RateLimits } from "../runtime/rate-limits.ts";
import { Semaphore } from "../runtime/semaphore.ts";
import {
  API_KEY_CACHE_MAX,
  API_KEY_CACHE_TTL_MS,
  ASKERS_REMEMBERED_MAX,
  CREDENTIAL_CHARACTERS_MAX,
  KEY_LOOKUP_RATE,
  KEY_LOOKUP_RETRY_MS,
  KEY_LOOKUPS_AT_ONCE_MAX,
  KEY_LOOKUPS_WAITING_MAX,
} from "./limits.ts";
import { WrongKeys } from "./wrong-keys.ts";
import type { Clock } from "../ports/clock.ts";
import type { ApiKeyOwner, FleetStore } from "../ports/fleet-store.ts";
import { apiKeyHash } from "./api-key.ts";
import type { Principal } from "./principal.ts";
import { type Refusal, refuse } from "./refusal.ts";
import { looksLikeToken, verifyBrowserToken } from "./browser-token.ts";

export type Authentication = { readonly kind: "authenticated"; readonly principal: Principal } | Refusal;

/**
 * Finds the holder of a credential: an API key or a browser token, without the word `Bearer`. Refuses with
 * `unauthenticated`, or with `too_many_requests` while too many unknown keys are tried. `from` is the address it came
 * from; without it no address is held to account. Rejects only with `StoreUnavailable`.
 */
export type Authenticate = (credential: string, from?: string) => Promise<Authentication>;

/**
 * Makes the authenticator of a gateway.
 *
 * 1. It remembers known keys for `API_KEY_CACHE_TTL_MS`: a revoked key lives on for that long.
 * 2. A key that was refused works as soon as it is made, unless it was tried several times in vain just before.
 * 3. Guesses are looked up at a bounded pace, few at once and few from one address. They push no known key out.
 * 4. A key that was known a moment ago never waits for guesses.
 */
export function createAuthenticate(deps: {
  readonly fleet: Pick<FleetStore, "findApiKey">;
  readonly tokenSecret: Uint8Array;
  readonly clock: Pick<Clock, "now" | "monotonic">;
}): Authenticate {
  const known = new Map<string, { readonly owner: ApiKeyOwner; readonly until: number }>();
  const wrong = new WrongKeys();
  const places = new Semaphore(KEY_LOOKUPS_AT_ONCE_MAX);
  const pace = new RateLimits({ rate: KEY_LOOKUP_RATE, keysMax: ASKERS_REMEMBERED_MAX, clock: deps.clock });
  let waiting = 0;

  /** 3. */
  async function lookUpUnknown(keyHash: string, from: string | undefined): Promise<ApiKeyOwner | null | Refusal> {
    const paced = from === undefined ? null : pace.take(from);
    if (paced?.kind === "refused") return tooManyKeys(paced.retryAfterMs);
    if (waiting >= KEY_LOOKUPS_WAITING_MAX) return tooManyKeys(KEY_LOOKUP_RETRY_MS);
    waiting += 1;
    const leave = await places.acquire();
    waiting -= 1;
    try {
      const owner = await deps.fleet.findApiKey({ keyHash });
      if (owner !== null && from !== undefined) pace.giveBack(from);
      return owner;
    } finally {
      leave();
    }
  }

  async function ownerOf(key: string, from: string | undefined): Promise<ApiKeyOwner | null | Refusal> {
    const keyHash = apiKeyHash(key);
    const remembered = known.get(keyHash);
    if (remembered !== undefined && remembered.until > deps.clock.monotonic()) return remembered.owner;
    if (wrong.has(keyHash, deps.clock.monotonic())) return null;
    const owner =
      remembered === undefined ? await lookUpUnknown(keyHash, from) : await deps.fleet.findApiKey({ keyHash }); // 4.
    if (owner !== null && "kind" in owner) return owner;
    if (owner === null) wrong.add(keyHash, deps.clock.monotonic());
    else wrong.delete(keyHash);
    known.delete(keyHash);
    if (owner === null) return null;
    const oldest = known.size >= API_KEY_CACHE_MAX ? known.keys().next().value : undefined;
    if (oldest !== undefined) known.delete(oldest);
    known.set(keyHash, { owner, until: deps.clock.monotonic() + API_KEY_CACHE_TTL_MS });
    return owner;
  }

  return async (credential, from) => {
    if (credential.length > CREDENTIAL_CHARACTERS_MAX) {
      return refuse("unauthenticated", "The credential is longer than any key or token.");
    }
    if (looksLikeToken(credential)) {
      const token = await verifyBrowserToken(deps.tokenSecret, credential, deps.clock.now());
      return token.kind === "valid" ? { kind: "authenticated", principal: token.principal } : token;
    }
    const owner = await ownerOf(credential, from);
    if (owner !== null && "kind" in owner) return owner;
    if (owner === null) return refuse("unauthenticated", "The API key is unknown or was revoked.");
    const { tenantId, name, scopes } = owner;
    return { kind: "authenticated", principal: { kind: "api_key", tenantId, name, scopes } };
  };
}

function tooManyKeys(retryAfterMs: number): Refusal {
  const detail = "Too many unknown API keys are tried just now; wait as Retry-After says.";
  return { ...refuse("too_many_requests", detail), retryAfterMs };
}
