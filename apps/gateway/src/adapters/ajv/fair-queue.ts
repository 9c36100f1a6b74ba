/**
 * What waits, by tenant. Tenants take turns, and a tenant has one place at a time: what follows waits until that is
 * done. So a tenant whose work is slow delays another one by at most one piece of work.
 */
export class FairQueue<T> {
  readonly #perTenantMax: number;
  /** Tenants with work, the next in turn first. */
  readonly #waiting = new Map<string, T[]>();
  readonly #busy = new Set<string>();

  /** `perTenantMax`: how many pieces of a tenant's work may wait. */
  constructor({ perTenantMax }: { readonly perTenantMax: number }) {
    this.#perTenantMax = perTenantMax;
  }

  /** Adds work at the end of its tenant's. Returns false if too much of it waits already. */
  add(tenantId: string, work: T): boolean {
    const waiting = this.#waiting.get(tenantId) ?? [];
    if (waiting.length >= this.#perTenantMax) return false;
    waiting.push(work);
    this.#waiting.set(tenantId, waiting);
    return true;
  }

  /** Takes the next work of the first tenant that has none under way; null: there is none. */
  take(): { readonly tenantId: string; readonly work: T } | null {
    for (const [tenantId, waiting] of this.#waiting) {
      if (this.#busy.has(tenantId)) continue;
      const work = waiting.shift();
      // The tenant goes to the end of the row.
      this.#waiting.delete(tenantId);
      if (waiting.length > 0) this.#waiting.set(tenantId, waiting);
      if (work === undefined) continue;
      this.#busy.add(tenantId);
      return { tenantId, work };
    }
    return null;
  }

  /** The work that was taken of this tenant is done. */
  done(tenantId: string): void {
    this.#busy.delete(tenantId);
  }

  /** Takes everything that waits, of all tenants. */
  takeAll(): T[] {
    const all = [...this.#waiting.values()].flat();
    this.#waiting.clear();
    return all;
  }
}
