import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A TCP proxy in front of a gateway. A test may cut its connections as a network does: without a close. */
export interface CuttableProxy {
  readonly url: string;
  /** Connections made so far. */
  connections(): number;
  cut(): void;
  /** From now on its connections, and new ones, carry nothing, and none of them is closed: a dead line. */
  freeze(): void;
  /** New connections work again. Those that were frozen stay so. */
  thaw(): void;
  close(): Promise<void>;
}

/** Starts a proxy to the gateway at `url`. */
export async function startCuttableProxy(url: string): Promise<CuttableProxy> {
  const { hostname, port } = new URL(url);
  const open = new Set<Socket>();
  let connections = 0;
  let isFrozen = false;
  /** Stops carrying on each open connection. */
  const stops = new Set<() => void>();
  const server = createServer((client) => {
    connections += 1;
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream).pipe(client);
    const stop = (): void => {
      client.unpipe(upstream);
      upstream.unpipe(client);
      // What comes is read and lost, as on the way.
      client.resume();
      upstream.resume();
    };
    stops.add(stop);
    client.on("close", () => stops.delete(stop));
    if (isFrozen) stop();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    cut,
    freeze() {
      isFrozen = true;
      for (const stop of stops) stop();
    },
    thaw() {
      isFrozen = false;
    },
    close() {
      cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
