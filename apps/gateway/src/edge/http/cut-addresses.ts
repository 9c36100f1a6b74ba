import {
  CUT_ADDRESS_KEPT_MS,
  CUT_ADDRESS_PACE_MS,
  CUT_ADDRESS_WAIT_MS_MAX,
  CUT_ADDRESSES_REMEMBERED_MAX,
} from "../limits.ts";

interface CutAddress {
  /** When the address is forgotten, and when its next connection may be read; both in ms of one clock. */
  readonly until: number;
  readonly nextAt: number;
}

/**
 * Addresses of which a connection was cut because it sent ahead beyond its bound. What a packet holds is read before
 * the cut, some thousand requests. So a client that connects again at once would keep the event loop.
 *
 * 1. New connections of such an address are read one after another, one in `CUT_ADDRESS_PACE_MS`.
 * 2. None waits longer than `CUT_ADDRESS_WAIT_MS_MAX`: others may share the address.
 * 3. The address is forgotten `CUT_ADDRESS_KEPT_MS` after its last cut. Beyond `CUT_ADDRESSES_REMEMBERED_MAX` the one
 *    that was cut the longest ago is forgotten.
 */
export class CutAddresses {
  readonly #addresses = new Map<string, CutAddress>();

  /** How many addresses are remembered. */
  get size(): number {
    return this.#addresses.size;
  }

  cut(address: string, now: number): void {
    const nextAt = Math.max(now, this.#addresses.get(address)?.nextAt ?? 0);
    this.#addresses.delete(address);
    this.#addresses.set(address, { until: now + CUT_ADDRESS_KEPT_MS, nextAt });
    for (const [other, { until }] of this.#addresses) {
      if (until > now && this.#addresses.size <= CUT_ADDRESSES_REMEMBERED_MAX) break;
      this.#addresses.delete(other); // 3.
    }
  }

  /** How long a new connection of the address waits before it is read, in ms. */
  waitMs(address: string, now: number): number {
    const known = this.#addresses.get(address);
    if (known === undefined || known.until <= now) return 0;
    const at = Math.min(Math.max(now, known.nextAt), now + CUT_ADDRESS_WAIT_MS_MAX); // 2.
    this.#addresses.set(address, { ...known, nextAt: at + CUT_ADDRESS_PACE_MS }); // 1.
    return at - now;
  }
}
