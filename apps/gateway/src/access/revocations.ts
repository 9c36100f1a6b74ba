import type { Bell } from "../ports/bell.ts";
import type { Clock } from "../ports/clock.ts";
import type { FleetKeys } from "../ports/fleet-keys.ts";
import { REVOCATION_KEPT_MS, REVOCATIONS_PAGE_MAX } from "../ports/limits.ts";
import type { Log } from "../ports/log.ts";
import type { Revocation, Revoked } from "../ports/revocation.ts";
import { Recurring } from "../runtime/recurring.ts";
import { REVOCATION_POLL_MS, REVOCATION_RETRY_MAX_MS, REVOCATIONS_FORGET_MS } from "./limits.ts";
import type { TenantId } from "../core/tenant-id.ts";

/** What of a credential a revocation may name. */
export interface Revocable {
  readonly tenantId: TenantId;
  /** The key that it is, or that made it. */
  readonly keyId: string;
  /** The hash of the key's secret; absent for a token. */
  readonly keyHash?: string;
  readonly subject?: string;
  readonly deviceKey?: string;
  /** The last revocation when a token was made; absent for a key. */
  readonly epoch?: number;
}

interface Mark {
  readonly number: number;
  /** By the monotonic clock. */
  readonly dueAt: number;
}

interface Watcher {
  readonly credential: Revocable;
  readonly end: () => void;
}

/**
 * What was revoked, as this gateway knows it, and who must be told.
 *
 * 1. The store is the truth: revocations have numbers there, in the order in which they were committed. A ring says
 *    that there is a new one, and each heartbeat tells the last number. Without either they are read every
 *    `REVOCATION_POLL_MS`.
 * 2. A token is revoked if a revocation that names it has a higher number than the token's. No clock decides this.
 * 3. A revocation of a secret is due at the end of the overlap of its rotation. All others are due at once.
 * 4. A watcher is told once. One that comes after the revocation is told at once, but not within the call.
 * 5. Marks are forgotten when no token can be older (`REVOCATION_KEPT_MS`). Keys are then unknown to the store.
 * 6. A disabled tenant's keys hold again when it is enabled. Its tokens of before do not.
 */
export class Revocations {
  readonly #fleet: Pick<FleetKeys, "readRevocations">;
  readonly #bell: Pick<Bell, "listen">;
  readonly #clock: Pick<Clock, "after" | "monotonic" | "random">;
  readonly #loop: Recurring;
  readonly #marks = new Map<string, Mark>();
  /** By tenant, so that a revocation of one looks at no other. */
  readonly #watchers = new Map<string, Set<Watcher>>();
  readonly #cancelDue = new Set<() => void>();
  #seen = 0;
  /** The last number that a heartbeat told, and when, by the monotonic clock. */
  #told = { number: 0, at: Number.NEGATIVE_INFINITY };
  #wasRung = false;
  #forgetAt = 0;
  #stopListening = (): void => {};

  constructor(deps: {
    readonly fleet: Pick<FleetKeys, "readRevocations">;
    readonly bell: Pick<Bell, "listen">;
    readonly clock: Pick<Clock, "after" | "monotonic" | "random">;
    readonly log: Log;
  }) {
    this.#fleet = deps.fleet;
    this.#bell = deps.bell;
    this.#clock = deps.clock;
    this.#loop = new Recurring({
      name: "read revocations",
      tick: async () => {
        await this.#readIfDue();
        return REVOCATION_POLL_MS;
      },
      retry: { minMs: REVOCATION_POLL_MS, maxMs: REVOCATION_RETRY_MAX_MS },
      clock: deps.clock,
      log: deps.log,
    });
  }

  /** Takes the number of the last revocation, as a heartbeat told it. 1. */
  heard(number: number): void {
    this.#told = { number, at: this.#clock.monotonic() };
    if (number > this.#seen) this.#loop.request();
  }

  async #readIfDue(): Promise<void> {
    const { number, at } = this.#told;
    const isSilent = this.#clock.monotonic() - at >= REVOCATION_POLL_MS;
    if (!isSilent && !this.#wasRung && number <= this.#seen) return;
    this.#wasRung = false;
    try {
      await this.read();
    } catch (error) {
      this.#wasRung = true;
      throw error;
    }
    // All up to this number were there to be read. Those that are forgotten are not read any more.
    this.#seen = Math.max(this.#seen, number);
  }

  /** Reads what is new. Rejects with `StoreUnavailable`. */
  async read(): Promise<void> {
    for (;;) {
      const page = await this.#fleet.readRevocations({ after: this.#seen });
      const tenants = new Set<TenantId>();
      for (const revocation of page) {
        this.#take(revocation);
        tenants.add(revocation.tenantId);
      }
      for (const tenantId of tenants) this.#tell(tenantId);
      if (page.length < REVOCATIONS_PAGE_MAX) break;
    }
    this.#forget();
  }

  /** Begins to follow; `read` was called before. */
  start(): void {
    this.#stopListening = this.#bell.listen((ring) => {
      if (ring.about !== "revocation") return;
      this.#wasRung = true;
      this.#loop.request();
    });
    this.#loop.start(REVOCATION_POLL_MS);
  }

  async stop(): Promise<void> {
    this.#stopListening();
    for (const cancel of this.#cancelDue) cancel();
    this.#cancelDue.clear();
    await this.#loop.stop();
  }

  /** Whether the credential is revoked, as far as is known here. */
  isRevoked(credential: Revocable): boolean {
    const { keyId, keyHash, subject, deviceKey, epoch } = credential;
    const named = (kind: Revoked, whom: string): boolean => this.#holds(credential, kind, whom);
    if (named("disabled", "") && (epoch !== undefined || !this.#isEnabledAgain(credential.tenantId))) return true; // 6.
    if (named("key", keyId)) return true;
    if (keyHash !== undefined && named("secret", keyHash)) return true;
    if (epoch === undefined) return false;
    return (
      named("tokens", "") ||
      (subject !== undefined && named("subject", subject)) ||
      (deviceKey !== undefined && named("device", deviceKey))
    );
  }

  /** Calls back once when the credential is revoked, until the returned function is called. 4. */
  watch(credential: Revocable, end: () => void): () => void {
    const { tenantId } = credential;
    if (this.isRevoked(credential)) return this.#clock.after(0, end);
    const watcher = { credential, end };
    const watchers = this.#watchers.get(tenantId) ?? new Set();
    watchers.add(watcher);
    this.#watchers.set(tenantId, watchers);
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0 && this.#watchers.get(tenantId) === watchers) this.#watchers.delete(tenantId);
    };
  }

  /** 6. */
  #isEnabledAgain(tenantId: TenantId): boolean {
    const numberOf = (kind: Revoked): number => this.#marks.get(markKey(tenantId, kind, ""))?.number ?? 0;
    return numberOf("enabled") > numberOf("disabled");
  }

  #holds({ tenantId, epoch }: Revocable, kind: Revoked, subject: string): boolean {
    const mark = this.#marks.get(markKey(tenantId, kind, subject));
    if (mark === undefined || mark.dueAt > this.#clock.monotonic()) return false; // 3.
    return epoch === undefined || mark.number > epoch; // 2.
  }

  #take({ number, tenantId, kind, subject, dueInMs }: Revocation): void {
    this.#seen = Math.max(this.#seen, number);
    const key = markKey(tenantId, kind, subject);
    this.#marks.set(key, { number, dueAt: this.#clock.monotonic() + dueInMs });
    if (dueInMs <= 0) return;
    // 3.
    const cancel = this.#clock.after(Math.ceil(dueInMs), () => {
      this.#cancelDue.delete(cancel);
      // A timer may come a little before the time that it was set for.
      if (this.#marks.get(key)?.number === number) this.#marks.set(key, { number, dueAt: this.#clock.monotonic() });
      this.#tell(tenantId);
    });
    this.#cancelDue.add(cancel);
  }

  #tell(tenantId: TenantId): void {
    const watchers = this.#watchers.get(tenantId);
    if (watchers === undefined) return;
    for (const watcher of watchers) {
      if (!this.isRevoked(watcher.credential)) continue;
      watchers.delete(watcher); // 4.
      watcher.end();
    }
    if (watchers.size === 0 && this.#watchers.get(tenantId) === watchers) this.#watchers.delete(tenantId);
  }

  /** 5. */
  #forget(): void {
    const now = this.#clock.monotonic();
    if (now < this.#forgetAt) return;
    this.#forgetAt = now + REVOCATIONS_FORGET_MS;
    for (const [key, { dueAt }] of this.#marks) {
      if (dueAt < now - REVOCATION_KEPT_MS) this.#marks.delete(key);
    }
  }
}

function markKey(tenantId: TenantId, kind: Revoked, subject: string): string {
  return `${tenantId} ${kind} ${subject}`;
}
