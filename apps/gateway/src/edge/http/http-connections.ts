import type { Socket } from "node:net";
import { Places } from "../../access/places.ts";
import type { Principal } from "../../access/principal.ts";
import type { Refusal } from "../../access/refusal.ts";
import { addressShare, clientAddress, TrustedProxies } from "../../access/client-address.ts";
import { HTTP_CONNECTIONS_MAX, HTTP_STRANGERS_MAX, HTTP_STRANGERS_PER_ADDRESS_MAX } from "../limits.ts";
import { StrangerPlaces } from "../socket/stranger-places.ts";

/**
 * The HTTP connections of one gateway.
 *
 * 1. A connection is a stranger until a request on it was admitted. Strangers have places of their own, and the one
 *    that waits longest is cut for a new one.
 * 2. Then it has one of the places that principals share. It belongs to the principal of that first request, until it
 *    is closed or becomes a WebSocket, which has places of its own.
 * 3. A proxy that is trusted is no address: the strangers behind it are bounded in all alone.
 */
export class HttpConnections {
  readonly #trusted: Pick<TrustedProxies, "has">;
  readonly #strangers = new StrangerPlaces<Socket>({
    strangersMax: HTTP_STRANGERS_MAX,
    strangersPerAddressMax: HTTP_STRANGERS_PER_ADDRESS_MAX,
  });
  readonly #places = new Places({ placesMax: HTTP_CONNECTIONS_MAX, what: "connections" });
  /** What each open connection has, and how it gives that up. */
  readonly #held = new Map<Socket, { readonly kind: "stranger" | "known"; readonly leave: () => void }>();
  #throughProxies = 0;

  constructor(trusted: Pick<TrustedProxies, "has">) {
    this.#trusted = trusted;
  }

  /** A connection was opened. */
  opened(socket: Socket): void {
    const address = this.#addressOf(socket);
    this.#held.set(socket, { kind: "stranger", leave: () => this.#strangers.remove(socket, address) });
    socket.once("close", () => this.left(socket));
    this.#strangers.add(socket, address)?.destroy(); // 1.
  }

  /** A request of this principal was admitted. Returns the refusal if there is no place for its connection. */
  admitted(socket: Socket, principal: Principal): Refusal | null {
    const held = this.#held.get(socket);
    // One that was cut meanwhile has nothing to take a place for.
    if (held?.kind !== "stranger") return null;
    const taken = this.#places.take(principal);
    if (taken.kind === "refused") return taken;
    held.leave();
    this.#held.set(socket, { kind: "known", leave: taken.leave }); // 2.
    return null;
  }

  /** A connection is closed, or speaks HTTP no more. */
  left(socket: Socket): void {
    this.#held.get(socket)?.leave();
    this.#held.delete(socket);
  }

  #addressOf({ remoteAddress }: Socket): string {
    const address = clientAddress({ remoteAddress, forwardedFor: undefined }, NO_PROXIES);
    if (!this.#trusted.has(address)) return addressShare(address);
    this.#throughProxies += 1;
    return `through proxy ${this.#throughProxies}`; // 3.
  }
}

const NO_PROXIES = new TrustedProxies([]);
