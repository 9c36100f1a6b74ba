/**
 * Accepts connections from several queues of the kernel.
 *
 * Node accepts one connection of a queue in each turn of its event loop (libuv since 1.45). A turn of a busy loop takes
 * some milliseconds. So a flood of connections made a new client wait for seconds.
 *
 * 1. One port has `ACCEPT_QUEUES_MAX` queues. The kernel chooses one by the addresses of a connection. In a turn one
 *    connection of each queue is accepted.
 * 2. A port that is in use is refused as ever: it is opened alone first. A queue would share it without an error.
 * 3. Where the kernel has no such queues there is one.
 * 4. Connections of all queues are those of one HTTP server, and count towards one bound.
 */
import { once } from "node:events";
import type { Server as HttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { ACCEPT_QUEUES_MAX, CONNECTIONS_MAX } from "../limits.ts";

/** Where to listen, as `Server.listen` of Node takes it. */
export interface ListenAt {
  readonly host: string;
  readonly port: number;
  readonly reusePort?: boolean;
}

/**
 * Listens by `listen`, which makes the server listen, and opens further queues beside it. `isShared`: other processes
 * accept from the same queue, so that there is one. Rejects with what listening throws; then nothing is open but what
 * `listen` has opened.
 */
export async function listenOnQueues(
  server: HttpServer,
  { host, port, isShared }: { readonly host: string; readonly port: number; readonly isShared: boolean },
  listen: (at: ListenAt) => Promise<unknown>,
): Promise<() => Promise<void>> {
  boundConnections(server);
  if (isShared || process.platform !== "linux") {
    await listen({ host, port }); // 3.
    return async () => {};
  }
  if (port !== 0) await closed(await listening({ host, port })); // 2.
  await listen({ host, port, reusePort: true });
  const others: Server[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(others.map(closed));
  };
  try {
    const at: ListenAt = { host, port: (server.address() as AddressInfo).port, reusePort: true };
    while (others.length < ACCEPT_QUEUES_MAX - 1) {
      others.push(await listening(at, (socket) => server.emit("connection", socket))); // 1. 4.
    }
    return close;
  } catch (error) {
    await close();
    throw error;
  }
}

/** 4. Node's own bound is that of one queue. */
function boundConnections(server: HttpServer): void {
  let open = 0;
  server.prependListener("connection", (socket: Socket) => {
    open += 1;
    socket.once("close", () => {
      open -= 1;
    });
    if (open > CONNECTIONS_MAX) socket.destroy();
  });
}

async function listening(at: ListenAt, onConnection?: (socket: Socket) => void): Promise<Server> {
  // As Node's HTTP server opens its own.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, onConnection);
  server.listen({ ...at });
  await once(server, "listening");
  return server;
}

async function closed(server: Server): Promise<void> {
  server.close();
  await once(server, "close");
}
