export interface StrangerBounds {
  readonly strangersMax: number;
  readonly strangersPerAddressMax: number;
}

/**
 * The places of connections of which nobody knows whose they are. An address is given as `addressShare` returns it.
 *
 * 1. They are bounded in all and per address, and are apart from the places of those that have said who they are.
 * 2. Nobody is refused for want of a place: the stranger that waits longest gives up its own. It is one of the same
 *    address if that has as many as it may, else one of the address that has most.
 * 3. A client sends its first message as soon as it is connected. So an attacker has to fill the places anew within one
 *    round trip of the client.
 */
export class StrangerPlaces<S> {
  readonly #bounds: StrangerBounds;
  /** The one that waits longest is the first of its address. No address is kept without a stranger. */
  readonly #byAddress = new Map<string, Set<S>>();
  #count = 0;

  constructor(bounds: StrangerBounds) {
    this.#bounds = bounds;
  }

  get count(): number {
    return this.#count;
  }

  /** Gives a stranger a place. Returns the one that lost its place for it, if any. */
  add(stranger: S, address: string): S | null {
    const own = this.#byAddress.get(address);
    const isFull = own !== undefined && own.size >= this.#bounds.strangersPerAddressMax;
    const crowded = isFull ? address : this.#count >= this.#bounds.strangersMax ? this.#fullestAddress() : null;
    const evicted = crowded === null ? null : this.#removeFirst(crowded);
    const strangers = this.#byAddress.get(address) ?? new Set<S>();
    this.#byAddress.set(address, strangers.add(stranger));
    this.#count += 1;
    return evicted;
  }

  /** The stranger has said something, or is gone. Without effect if it has no place any more. */
  remove(stranger: S, address: string): void {
    const strangers = this.#byAddress.get(address);
    if (strangers?.delete(stranger) !== true) return;
    this.#count -= 1;
    if (strangers.size === 0) this.#byAddress.delete(address);
  }

  #removeFirst(address: string): S | null {
    for (const stranger of this.#byAddress.get(address) ?? []) {
      this.remove(stranger, address);
      return stranger;
    }
    return null;
  }

  #fullestAddress(): string | null {
    let fullest: string | null = null;
    let most = 0;
    for (const [address, { size }] of this.#byAddress) {
      if (size <= most) continue;
      most = size;
      fullest = address;
    }
    return fullest;
  }
}
