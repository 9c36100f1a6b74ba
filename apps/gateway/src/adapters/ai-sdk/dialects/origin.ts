/**
 * Who made a part of the conversation: which model, behind which account.
 *
 * Providers add to a part what only they can read: signatures, encrypted reasoning, ids of stored items, their own ids
 * of calls. Another model, or the same model behind another account, refuses them. So each part that has such an
 * addition carries its origin, under a key of ours in its provider options. Facts of older runs carry less or nothing;
 * what has no origin is nobody's own.
 */
import { createHash } from "node:crypto";
import type { JsonObject, ProviderOptions } from "@hsafa/protocol";
import { ACCOUNT_CHARACTERS } from "../limits.ts";

/** Where the origin stands in a part's provider options. */
const KEY = "hsafa";

/** A model behind an account. */
export interface Origin {
  /** hsafa's name of the provider. */
  readonly provider: string;
  /** `<provider>/<model>`. */
  readonly model: string;
  /** Tells accounts and servers apart, see `accountOf`. */
  readonly account: string;
}

/**
 * Returns a word that differs between servers and between keys. It stands in facts, which clients read. It is a short
 * piece of a hash, so it tells too little about a key to find it.
 */
export function accountOf(access: {
  readonly apiKey?: string | undefined;
  readonly baseUrl?: string | undefined;
}): string {
  const named = JSON.stringify(["hsafa account", access.baseUrl ?? "", access.apiKey ?? ""]);
  return createHash("sha256").update(named).digest("hex").slice(0, ACCOUNT_CHARACTERS);
}

/** Returns the provider's additions with their origin. `providerCallId`: the provider's own id of a call. */
export function withOrigin(
  options: ProviderOptions | undefined,
  origin: Origin,
  providerCallId?: string,
): ProviderOptions {
  const stamp: JsonObject = { ...origin };
  return { ...options, [KEY]: providerCallId ? { ...stamp, callId: providerCallId } : stamp };
}

/** Returns the additions of the last part of a turn that its provider has paused. */
export function withPauseMark(options: ProviderOptions | undefined, origin: Origin): ProviderOptions {
  const marked = withOrigin(options, origin);
  return { ...marked, [KEY]: { ...options?.[KEY], ...marked[KEY], paused: true } };
}

/** Whether this model, behind this account, has paused its turn behind the part. */
export function isPaused(part: Part, origin: Origin): boolean {
  return isOwn(part, origin) && part.providerOptions?.[KEY]?.paused === true;
}

interface Part {
  readonly providerOptions?: ProviderOptions;
}

/** Whether this model, behind this account, made the part. */
export function isOwn(part: Part, origin: Origin): boolean {
  const stamp: JsonObject | undefined = part.providerOptions?.[KEY];
  return stamp?.model === origin.model && stamp.account === origin.account;
}

/** Returns the id under which this provider knows the call, or null. */
export function providerCallIdOf(part: Part, origin: Origin): string | null {
  const stamp: JsonObject | undefined = part.providerOptions?.[KEY];
  return stamp?.provider === origin.provider && typeof stamp.callId === "string" ? stamp.callId : null;
}
