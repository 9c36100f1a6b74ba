import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A load balancer: a new connection goes to the first gateway that takes it. */
export async function startSwitchingProxy(urls: readonly string[]): Promise<{
  readonly url: string;
  close(): Promise<void>;
}> {
  const open = new Set<Socket>();
  const join = (client: Socket, [url, ...others]: readonly string[]): void => {
    if (url === undefined) return void client.destroy();
    const upstream = connect(Number(new URL(url).port), "127.0.0.1");
    let isOpen = false;
    upstream.on("connect", () => {
      isOpen = true;
      client.pipe(upstream).pipe(client);
    });
    upstream.on("error", () => (isOpen ? client.destroy() : join(client, others)));
    upstream.on("close", () => isOpen && client.destroy());
    client.on("close", () => upstream.destroy());
    open.add(client);
  };
  const server = createServer((client) => {
    client.on("error", () => {});
    client.on("close", () => open.delete(client));
    join(client, urls);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
