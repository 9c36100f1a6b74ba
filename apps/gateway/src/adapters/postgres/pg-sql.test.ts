import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { StoreUnavailable } from "../../ports/store.ts";
import { openPgSql } from "./pg-sql.ts";

/** A message of Postgres' protocol: its type, its length, its body. */
function message(type: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
}

const AUTHENTICATED = message("R", Buffer.from([0, 0, 0, 0]));
const READY = message("Z", Buffer.from("I"));
const SHUT_DOWN = message("E", Buffer.from("SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"));

// Vitest fails for an uncaught error. A gateway would end.
test("a server that shuts down in the very moment a connection is ready ends the statement, not the gateway", async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    // All in one piece, so that the connection has failed before it is handed out.
    socket.once("data", () => socket.end(Buffer.concat([AUTHENTICATED, READY, SHUT_DOWN])));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const { sql } = openPgSql({ url: `postgres://hsafa@127.0.0.1:${port}/hsafa` });
  await expect(
    sql.query({ name: "any", text: "select 1", values: [], scope: { kind: "fleet" } }),
  ).rejects.toBeInstanceOf(StoreUnavailable);
  await sql.close();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});
