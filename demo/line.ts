import { connect, createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

/** A proxy between a watcher and the gateway. It can be cut, and it records from where requests resume. */
export interface Line {
  /** The address that the watcher uses for the gateway. */
  readonly url: string;
  /** The `Last-Event-ID` of each request for the stream, in order; null where it had none. */
  readonly resumedFrom: readonly (string | null)[];
  /** Destroys every open socket, as a broken network does. */
  cut(): void;
  close(): Promise<void>;
}

export async function openLine(to: string): Promise<Line> {
  const { hostname, port, protocol } = new URL(to);
  const sockets = new Set<Socket>();
  const resumedFrom: (string | null)[] = [];
  const server = createServer((near) => {
    const far = connect(Number(port || (protocol === "https:" ? 443 : 80)), hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
    near.on("data", (bytes: Buffer) => {
      const request = bytes.toString("latin1");
      if (/^GET \S+\/stream/.test(request)) resumedFrom.push(/^last-event-id: *(\S+)/im.exec(request)?.[1] ?? null);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    resumedFrom,
    cut,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}
