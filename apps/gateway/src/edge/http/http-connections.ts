import type { Socket } from "node:net";
import { Places } from "../../access/places.ts";
import type { Principal } from "../../access/principal.ts";
import type { Refusal } from "../../access/refusal.ts";
import { addressShare, clientAddress, TrustedProxies } from "../../access/client-address.ts";
import type { Clock } from "../../ports/clock.ts";
import { HTTP_CONNECTIONS_MAX, HTTP_STRANGERS_MAX, HTTP_STRANGERS_PER_ADDRESS_MAX } from "../limits.ts";
import { CutAddresses } from "./cut-addresses.ts";
import { StrangerPlaces } from "../socket/stranger-places.ts";

/** An open connection. `leave`: gives up its place. */
interface Held {
  readonly kind: "stranger" | "known";
  readonly address: string;
  readonly leave: () => void;
}

/**
 * The HTTP connections of one gateway.
 *
 * 1. A connection is a stranger until a request on it was admitted. Strangers have places of their own, and the one
 *    that waits longest is cut for a new one.
 * 2. Then it has one of the places that principals share. It belongs to the principal of that first request, until it
 *    is closed or becomes a WebSocket, which has places of its own.
 * 3. A proxy that is trusted is no address: the strangers behind it are bounded in all alone.
 * 4. An address of which a connection was cut is read at a pace (`CutAddresses`).
 */
export class HttpConnections {
  readonly #trusted: Pick<TrustedProxies, "has">;
  readonly #clock: Pick<Clock, "after" | "monotonic">;
  readonly #cut = new CutAddresses();
  readonly #strangers = new StrangerPlaces<Socket>({
    strangersMax: HTTP_STRANGERS_MAX,
    strangersPerAddressMax: HTTP_STRANGERS_PER_ADDRESS_MAX,
  });
  readonly #places = new Places({ placesMax: HTTP_CONNECTIONS_MAX, what: "connections" });
  readonly #held = new Map<Socket, Held>();
  #throughProxies = 0;

  constructor(trusted: Pick<TrustedProxies, "has">, clock: Pick<Clock, "after" | "monotonic">) {
    this.#trusted = trusted;
    this.#clock = clock;
  }

  /** A connection was opened. */
  opened(socket: Socket): void {
    const address = this.#addressOf(socket);
    this.#held.set(socket, { kind: "stranger", address, leave: () => this.#strangers.remove(socket, address) });
    socket.once("close", () => this.left(socket));
    this.#strangers.add(socket, address)?.destroy(); // 1.
    this.#readInTime(socket, this.#cut.waitMs(address, this.#clock.monotonic())); // 4.
  }

  /** Cuts a connection that sent ahead beyond its bound. */
  cut(socket: Socket): void {
    const held = this.#held.get(socket);
    if (held !== undefined) this.#cut.cut(held.address, this.#clock.monotonic());
    socket.destroy();
  }

  #readInTime(socket: Socket, waitMs: number): void {
    if (waitMs === 0) return;
    // Node begins to read in the tick after this one, whatever was paused before, and nothing comes by then.
    const pausing = setImmediate(() => socket.pause());
    const cancel = this.#clock.after(waitMs, () => socket.resume());
    socket.once("close", () => {
      clearImmediate(pausing);
      cancel();
    });
  }

  /** A request of this principal was admitted. Returns the refusal if there is no place for its connection. */
  admitted(socket: Socket, principal: Principal): Refusal | null {
    const held = this.#held.get(socket);
    // One that was cut meanwhile has nothing to take a place for.
    if (held?.kind !== "stranger") return null;
    const taken = this.#places.take(principal);
    if (taken.kind === "refused") return taken;
    held.leave();
    this.#held.set(socket, { ...held, kind: "known", leave: taken.leave }); // 2.
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
