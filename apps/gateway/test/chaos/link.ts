import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/**
 * What a link does to its connections:
 *
 * - `pass`: it passes every byte at once.
 * - `delay`: it delays every byte, both ways.
 * - `hang`: it passes nothing and closes nothing. New connections are accepted and stay silent.
 * - `cut`: it has no connections, and refuses new ones.
 */
export type LinkMode =
  | { readonly kind: "pass" }
  | { readonly kind: "delay"; readonly delayMs: number }
  | { readonly kind: "hang" }
  | { readonly kind: "cut" };

/** A TCP proxy in front of one or more servers. A new connection goes to the next server that accepts it, in turn. */
export interface Link {
  readonly port: number;
  /** Sets a server's port; null means that it is away. Existing connections stay. */
  retarget(index: number, port: number | null): void;
  /** Sets the mode for the connections to one server. Bytes held by `hang` are delivered when it passes again. */
  set(index: number, mode: LinkMode): void;
  close(): Promise<void>;
}

interface Upstream {
  port: number | null;
  mode: LinkMode;
  readonly flows: Set<Flow>;
  readonly sockets: Set<Socket>;
}

/** Bytes that one direction of a connection may hold before its sender is paused. */
const HELD_BYTES_MAX = 1024 * 1024;

export async function openLink(ports: readonly (number | null)[]): Promise<Link> {
  const upstreams = ports.map(
    (port): Upstream => ({ port, mode: { kind: "pass" }, flows: new Set(), sockets: new Set() }),
  );
  let turn = 0;

  async function accept(near: Socket): Promise<void> {
    near.on("error", () => near.destroy());
    for (let tries = 0; tries < upstreams.length; tries += 1) {
      const upstream = upstreams[turn++ % upstreams.length];
      if (upstream === undefined || upstream.port === null || upstream.mode.kind === "cut") continue;
      const far = await dial(upstream.port);
      if (far === null) continue;
      join(near, far, upstream);
      return;
    }
    near.resetAndDestroy();
  }

  function join(near: Socket, far: Socket, upstream: Upstream): void {
    for (const socket of [near, far]) {
      upstream.sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        upstream.sockets.delete(socket);
        for (const flow of flows) upstream.flows.delete(flow);
        near.destroy();
        far.destroy();
      });
    }
    const flows = [new Flow(near, far, () => upstream.mode), new Flow(far, near, () => upstream.mode)];
    for (const flow of flows) upstream.flows.add(flow);
  }

  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (near) => void accept(near));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    port: (server.address() as AddressInfo).port,
    retarget(index, port) {
      const upstream = upstreams[index];
      if (upstream !== undefined) upstream.port = port;
    },
    set(index, mode) {
      const upstream = upstreams[index];
      if (upstream === undefined) return;
      upstream.mode = mode;
      if (mode.kind === "cut") for (const socket of upstream.sockets) socket.resetAndDestroy();
      else for (const flow of upstream.flows) flow.stir();
    },
    close() {
      for (const { sockets } of upstreams) for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function dial(port: number): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.once("connect", () => resolve(socket));
    socket.once("error", () => resolve(null));
  });
}

/** One direction of a connection. Held bytes keep their order through all changes of the mode. */
class Flow {
  readonly #to: Socket;
  readonly #from: Socket;
  readonly #mode: () => LinkMode;
  /** `bytes` is null for the end of the stream. */
  readonly #held: { readonly bytes: Buffer | null; readonly at: number }[] = [];
  #heldBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, mode: () => LinkMode) {
    this.#from = from;
    this.#to = to;
    this.#mode = mode;
    from.on("data", (bytes: Buffer) => this.#take(bytes));
    from.on("end", () => this.#take(null));
    from.on("close", () => clearTimeout(this.#timer));
    to.on("drain", () => this.stir());
    from.resume();
  }

  #take(bytes: Buffer | null): void {
    this.#held.push({ bytes, at: performance.now() });
    this.#heldBytes += bytes?.length ?? 0;
    this.stir();
    if (this.#heldBytes > HELD_BYTES_MAX) this.#from.pause();
  }

  /** Delivers what is due in the present mode. */
  stir(): void {
    clearTimeout(this.#timer);
    const mode = this.#mode();
    if (mode.kind === "hang") return;
    const delayMs = mode.kind === "delay" ? mode.delayMs : 0;
    for (let next = this.#held[0]; next !== undefined; next = this.#held[0]) {
      const waitMs = next.at + delayMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.stir(), waitMs);
        return;
      }
      if (this.#to.writableNeedDrain) return;
      this.#held.shift();
      this.#heldBytes -= next.bytes?.length ?? 0;
      if (next.bytes === null) this.#to.end();
      else this.#to.write(next.bytes);
    }
    if (this.#from.isPaused()) this.#from.resume();
  }
}
