import { connect, createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

/**
 * The wire between a watcher and the gateway, which can be cut, and which notes where a request says it wants to
 * resume.
 */
export interface Line {
  /** What the watcher takes for the gateway. */
  readonly url: string;
  /** The `Last-Event-ID` of each request for the stream, in order; null where it had none. */
  readonly resumedFrom: readonly (string | null)[];
  /** Destroys every socket that is open, without a goodbye. */
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
