import type { QuotaName, Quotas } from "@hsafa/protocol";
import { isNearQuota, type QuotaLack, quotaLack, standingsOf, type TenantUsage } from "../core/quotas.ts";
import type { Clock } from "../ports/clock.ts";
import { StoreUnavailable } from "../ports/store.ts";
import type { TenantStore } from "../ports/tenant-store.ts";
import { TENANTS_REMEMBERED_MAX, USAGE_KEPT_MS, USAGE_STALE_MAX_MS } from "./limits.ts";

/** What was made, or the quota that has no room for it. */
export type WithinQuota<T> =
  | { readonly kind: "made"; readonly made: T }
  | { readonly kind: "no_room"; readonly lack: QuotaLack };

interface Remembered {
  readonly usage: TenantUsage;
  readonly readAt: number;
}

/**
 * Whether tenants have room for more.
 *
 * 1. A tenant with plenty of room costs no query: its usage is remembered, and read again beside the request once it is
 *    older than `USAGE_KEPT_MS`. One that is older than `USAGE_STALE_MAX_MS` counts no more.
 * 2. For a tenant that is near a quota usage is read each time. What this gateway makes for those who asked before
 *    counts as made. So a tenant gets beyond its quota only by what other gateways make in the time of one request.
 * 3. A step of a run waits for no query. It goes by what is remembered, and the first one of a tenant goes by nothing.
 * 4. Those who ask at the same time while nothing is remembered share one read, as the devices of a fleet do. It counts
 *    for a tenant with plenty of room alone.
 */
export class TenantQuotas {
  readonly #defaults: Quotas | null;
  readonly #store: { forTenant(tenantId: string): Pick<TenantStore, "readUsage"> };
  readonly #clock: Pick<Clock, "monotonic">;
  /** The one that was read longest ago is the first. */
  readonly #remembered = new Map<string, Remembered>();
  /** Reads that any request may share, by tenant. */
  readonly #reading = new Map<string, Promise<TenantUsage>>();
  /** How many of each quota of a tenant are being made here, by both names. */
  readonly #making = new Map<string, number>();

  constructor(params: {
    /** What holds for a tenant unless an operator set otherwise; null: tenants have no quotas. */
    readonly defaults: Quotas | null;
    readonly store: { forTenant(tenantId: string): Pick<TenantStore, "readUsage"> };
    readonly clock: Pick<Clock, "monotonic">;
  }) {
    this.#defaults = params.defaults;
    this.#store = params.store;
    this.#clock = params.clock;
  }

  /**
   * Makes something if each of these quotas has room for it. `bytes`: for how much it counts in `storedBytes`, where
   * that is much. `isKnown`: asked when there is none, whether it is there already; to make that again takes no room.
   */
  async within<T>(
    tenantId: string,
    params: {
      readonly needs: readonly QuotaName[];
      readonly bytes?: number;
      readonly isKnown?: () => Promise<boolean>;
      readonly make: () => Promise<T>;
    },
  ): Promise<WithinQuota<T>> {
    const { needs, bytes = 1, isKnown, make } = params;
    const countOf = (name: QuotaName): number => (name === "storedBytes" ? bytes : 1);
    const ahead = new Map(needs.map((name) => [name, this.#count(tenantId, name, countOf(name))])); // 2.
    try {
      const lack = await this.#lack(tenantId, needs, (name) => ahead.get(name) ?? 1);
      if (lack !== null && (await isKnown?.()) !== true) return { kind: "no_room", lack };
      return { kind: "made", made: await make() };
    } finally {
      for (const name of needs) this.#count(tenantId, name, -countOf(name));
    }
  }

  /** Returns the first of these quotas that has no room, as far as is remembered, or null. 3. */
  lackAsRemembered(tenantId: string, needs: readonly QuotaName[]): QuotaLack | null {
    if (this.#defaults === null) return null;
    const remembered = this.#recall(tenantId);
    if (remembered !== null) return quotaLack(remembered, this.#defaults, needs);
    this.#refresh(tenantId);
    return null;
  }

  /** Forgets what is remembered of a tenant, whose limits were changed. */
  forget(tenantId: string): void {
    this.#remembered.delete(tenantId);
    this.#reading.delete(tenantId);
  }

  /** Returns where each quota of a tenant stands; null: tenants have none. */
  async standings(tenantId: string): Promise<ReturnType<typeof standingsOf> | null> {
    return this.#defaults === null ? null : standingsOf(await this.#read(tenantId), this.#defaults);
  }

  async #lack(
    tenantId: string,
    needs: readonly QuotaName[],
    room: (name: QuotaName) => number,
  ): Promise<QuotaLack | null> {
    if (this.#defaults === null) return null;
    const usage = this.#recall(tenantId) ?? (await this.#readShared(tenantId)); // 4.
    if (!isNearQuota(usage, this.#defaults, needs)) return null; // 1.
    return quotaLack(await this.#read(tenantId), this.#defaults, needs, room); // 2.
  }

  /** What is remembered of a tenant; null: nothing that counts. It is read anew beside this if it is old. 1. */
  #recall(tenantId: string): TenantUsage | null {
    const remembered = this.#remembered.get(tenantId);
    if (remembered === undefined) return null;
    const age = this.#clock.monotonic() - remembered.readAt;
    if (age > USAGE_STALE_MAX_MS) return null;
    if (age > USAGE_KEPT_MS) this.#refresh(tenantId);
    return remembered.usage;
  }

  #refresh(tenantId: string): void {
    if (!this.#reading.has(tenantId)) void this.#readBeside(tenantId);
  }

  async #readBeside(tenantId: string): Promise<void> {
    try {
      await this.#readShared(tenantId);
    } catch (error) {
      // A request that needs to know reads by itself, and is refused.
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }

  /** 4. */
  #readShared(tenantId: string): Promise<TenantUsage> {
    const underWay = this.#reading.get(tenantId);
    if (underWay !== undefined) return underWay;
    const reading = this.#read(tenantId).finally(() => {
      if (this.#reading.get(tenantId) === reading) this.#reading.delete(tenantId);
    });
    this.#reading.set(tenantId, reading);
    return reading;
  }

  async #read(tenantId: string): Promise<TenantUsage> {
    const readAt = this.#clock.monotonic();
    const usage = await this.#store.forTenant(tenantId).readUsage();
    this.#remembered.delete(tenantId);
    const oldest = this.#remembered.size >= TENANTS_REMEMBERED_MAX ? this.#remembered.keys().next().value : undefined;
    if (oldest !== undefined) this.#remembered.delete(oldest);
    this.#remembered.set(tenantId, { usage, readAt });
    return usage;
  }

  /** Returns how many there are after this change. */
  #count(tenantId: string, name: QuotaName, change: number): number {
    const key = `${tenantId} ${name}`;
    const count = (this.#making.get(key) ?? 0) + change;
    if (count === 0) this.#making.delete(key);
    else this.#making.set(key, count);
    return count;
  }
}
