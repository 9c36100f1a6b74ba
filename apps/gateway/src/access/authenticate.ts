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
import type { ApiKeyOwner, FleetKeys } from "../ports/fleet-keys.ts";
import { apiKeyHash } from "./api-key.ts";
import type { Principal } from "./principal.ts";
import { type Refusal, refuse } from "./refusal.ts";
import { looksLikeToken, type TokenSecrets, verifyBrowserToken } from "./browser-token.ts";
import type { KeyUse } from "./key-use.ts";
import type { Revocable, Revocations } from "./revocations.ts";

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
 * 1. It remembers known keys for `API_KEY_CACHE_TTL_MS`. What `Revocations` knows ends a key at once, whatever is
 *    remembered or just being looked up.
 * 2. A key that was refused works as soon as it is made, unless it was tried several times in vain just before.
 * 3. Guesses are looked up at a bounded pace, few at once and few from one address. They push no known key out.
 * 4. A key that was known a moment ago never waits for guesses.
 * 5. Those who show one key at the same time share one look-up, as a fleet does that comes back at once. They share its
 *    owner, and that the store is away. A refusal is shared with nobody: it may be about the address of the first, and
 *    the key may have been made meanwhile.
 */
export function createAuthenticate(deps: {
  readonly fleet: Pick<FleetKeys, "findApiKey">;
  readonly tokenSecrets: TokenSecrets;
  readonly revocations: Pick<Revocations, "isRevoked" | "watch">;
  readonly keyUse: Pick<KeyUse, "note">;
  /** Of the operator's key; null, or left out: there is none. */
  readonly operatorKeyHash?: string | null;
  readonly clock: Pick<Clock, "now" | "monotonic">;
}): Authenticate {
  const { revocations, keyUse, clock } = deps;
  const known = new Map<string, { readonly owner: KnownOwner; readonly until: number }>();
  const wrong = new WrongKeys();
  /** Look-ups under way, by the hash of the key. */
  const lookUps = new Map<string, Promise<KnownOwner | null | Refusal>>();
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

  async function ownerOf(keyHash: string, from: string | undefined): Promise<KnownOwner | null | Refusal> {
    for (;;) {
      const remembered = known.get(keyHash);
      if (remembered !== undefined && remembered.until > deps.clock.monotonic()) return remembered.owner;
      if (wrong.has(keyHash, deps.clock.monotonic())) return null;
      const underWay = lookUps.get(keyHash);
      if (underWay === undefined) return lookUpOnce(keyHash, remembered !== undefined, from);
      const shared = await underWay;
      if (shared !== null && !("kind" in shared)) return shared; // 5.
    }
  }

  async function lookUpOnce(
    keyHash: string,
    wasKnown: boolean,
    from: string | undefined,
  ): Promise<KnownOwner | null | Refusal> {
    const lookUp = lookUpOwner(keyHash, wasKnown, from);
    lookUps.set(keyHash, lookUp);
    try {
      return await lookUp;
    } finally {
      lookUps.delete(keyHash);
    }
  }

  async function lookUpOwner(
    keyHash: string,
    wasKnown: boolean,
    from: string | undefined,
  ): Promise<KnownOwner | null | Refusal> {
    // Taken before the question: no token may outlive its key by the time that the answer takes.
    const askedAt = clock.now();
    const found = wasKnown ? await deps.fleet.findApiKey({ keyHash }) : await lookUpUnknown(keyHash, from); // 4.
    if (found !== null && "kind" in found) return found;
    if (found === null) wrong.add(keyHash, deps.clock.monotonic());
    else wrong.delete(keyHash);
    known.delete(keyHash);
    if (found === null) return null;
    const { expiresInMs } = found;
    const owner: KnownOwner = { ...found, expiresAt: expiresInMs === null ? null : askedAt + expiresInMs };
    const oldest = known.size >= API_KEY_CACHE_MAX ? known.keys().next().value : undefined;
    if (oldest !== undefined) known.delete(oldest);
    const livesMs = Math.min(API_KEY_CACHE_TTL_MS, expiresInMs ?? Number.POSITIVE_INFINITY);
    known.set(keyHash, { owner, until: clock.monotonic() + livesMs });
    return owner;
  }

  function unlessRevoked(principal: Principal, credential: Revocable): Authentication {
    if (revocations.isRevoked(credential)) {
      return refuse("unauthenticated", "The credential was revoked; ask for a new one.");
    }
    const onRevoked = (end: () => void): (() => void) => revocations.watch(credential, end);
    return { kind: "authenticated", principal: { ...principal, onRevoked } };
  }

  return async (credential, from) => {
    if (credential.length > CREDENTIAL_CHARACTERS_MAX) {
      return refuse("unauthenticated", "The credential is longer than any key or token.");
    }
    const address = from === undefined ? {} : { address: from };
    if (looksLikeToken(credential)) {
      const token = await verifyBrowserToken(deps.tokenSecrets, credential, clock.now());
      return token.kind === "valid"
        ? unlessRevoked({ ...token.principal, ...address }, { ...token.principal, epoch: token.epoch })
        : token;
    }
    const keyHash = apiKeyHash(credential);
    const owner = await ownerOf(keyHash, from);
    if (owner !== null && "kind" in owner) return owner;
    if (owner === null) return refuse("unauthenticated", "The API key is unknown or was revoked.");
    const { tenantId, keyId, name, scopes, subject, groups, expiresAt } = owner;
    const principal: Principal = {
      kind: "api_key",
      tenantId,
      keyId,
      name,
      scopes,
      ...(subject === null ? {} : { subject }),
      ...address,
      ...(groups.length === 0 ? {} : { groups }),
      ...(expiresAt === null ? {} : { expiresAt }),
      ...(keyHash === deps.operatorKeyHash ? { isOperator: true } : {}),
    };
    const authentication = unlessRevoked(principal, { tenantId, keyId, keyHash });
    if (authentication.kind === "authenticated") keyUse.note(keyId);
    else known.delete(keyHash);
    return authentication;
  };
}

/** The owner of a key that is remembered. `expiresAt`: by this gateway's clock, in ms; null: never. */
type KnownOwner = ApiKeyOwner & { readonly expiresAt: number | null };

function tooManyKeys(retryAfterMs: number): Refusal {
  const detail = "Too many unknown API keys are tried just now; wait as Retry-After says.";
  return { ...refuse("too_many_requests", detail), retryAfterMs };
}
