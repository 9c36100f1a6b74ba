export interface StrangerBounds {
  readonly strangersMax: number;
  readonly strangersPerAddressMax: number;
}

/**
 * The places of connections that have sent nothing yet.
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
    const group = addressGroup(address);
    const own = this.#byAddress.get(group);
    const isFull = own !== undefined && own.size >= this.#bounds.strangersPerAddressMax;
    const crowded = isFull ? group : this.#count >= this.#bounds.strangersMax ? this.#fullestAddress() : null;
    const evicted = crowded === null ? null : this.#removeFirst(crowded);
    const strangers = this.#byAddress.get(group) ?? new Set<S>();
    this.#byAddress.set(group, strangers.add(stranger));
    this.#count += 1;
    return evicted;
  }

  /** The stranger has said something, or is gone. Without effect if it has no place any more. */
  remove(stranger: S, address: string): void {
    const group = addressGroup(address);
    const strangers = this.#byAddress.get(group);
    if (strangers?.delete(stranger) !== true) return;
    this.#count -= 1;
    if (strangers.size === 0) this.#byAddress.delete(group);
  }

  #removeFirst(group: string): S | null {
    for (const stranger of this.#byAddress.get(group) ?? []) {
      this.remove(stranger, group);
      return stranger;
    }
    return null;
  }

  #fullestAddress(): string | null {
    let fullest: string | null = null;
    let most = 0;
    for (const [group, { size }] of this.#byAddress) {
      if (size <= most) continue;
      most = size;
      fullest = group;
    }
    return fullest;
  }
}

/** What one peer commands: an IPv4 address, or the 64 bits of an IPv6 network, in which it may choose any address. */
export function addressGroup(address: string): string {
  const ipv4 = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (ipv4 !== undefined) return ipv4;
  if (!address.includes(":")) return address;
  const [head = "", tail = ""] = address.replace(/%.*$/, "").split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === "" ? [] : tail.split(":");
  const groups = [...left, ...Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => "0"), ...right];
  return `${groups.slice(0, 4).join(":")}::/64`;
}
