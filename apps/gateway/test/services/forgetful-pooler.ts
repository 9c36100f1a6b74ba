import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A startup message is its length, the protocol's version, then names and values that end with a zero. */
const HEAD_BYTES = 8;

/** Starts a pooler in front of a Postgres. It drops the startup parameter `options`, as PgBouncer can. */
export async function startForgetfulPooler(
  url: string,
): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  const { hostname, port } = new URL(url);
  const server = createServer((client) => {
    const database = connect(Number(port), hostname);
    for (const socket of [client, database]) {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      socket.on("error", () => socket.destroy());
    }
    client.once("data", (startup) => {
      database.write(withoutOptions(startup));
      client.pipe(database);
    });
    database.pipe(client);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const through = new URL(url);
  through.hostname = "127.0.0.1";
  through.port = String((server.address() as AddressInfo).port);
  return {
    url: through.href,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function withoutOptions(startup: Buffer): Buffer {
  const words = startup.subarray(HEAD_BYTES).toString("utf8").split("\0");
  const kept = words.filter((_, index) => words[index - (index % 2)] !== "options").join("\0");
  const head = Buffer.from(startup.subarray(0, HEAD_BYTES));
  head.writeInt32BE(HEAD_BYTES + Buffer.byteLength(kept));
  return Buffer.concat([head, Buffer.from(kept)]);
}
