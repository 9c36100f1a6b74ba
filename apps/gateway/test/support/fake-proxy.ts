import { createServer, request as httpRequest } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

/** A forward proxy as companies have one: it tunnels by CONNECT, and passes whole requests on. */
export interface FakeProxy {
  readonly url: string;
  /** What it was asked for, in order: `CONNECT host:port`, or `GET http://…`. */
  readonly asked: string[];
  /** The `Proxy-Authorization` of each request. */
  readonly credentials: (string | undefined)[];
  /** Connections of clients that are open. */
  connections(): number;
  close(): void;
}

/** Starts one. `refuse`: it refuses every tunnel with this status. `silent`: it takes connections and says nothing. */
export async function startFakeProxy(
  options: { readonly refuse?: number; readonly silent?: boolean } = {},
): Promise<FakeProxy> {
  const asked: string[] = [];
  const credentials: (string | undefined)[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    credentials.push(request.headers["proxy-authorization"]);
    if (options.silent === true) return;
    const { "proxy-authorization": _, ...headers } = request.headers;
    const onward = httpRequest(request.url ?? "", { method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.writeHead(502).end());
    request.pipe(onward);
  });
  server.on("connect", (request, socket: Socket, head) => {
    asked.push(`CONNECT ${request.url}`);
    credentials.push(request.headers["proxy-authorization"]);
    socket.on("error", () => {});
    if (options.silent === true) {
      // Only a socket that is read tells that the client has left.
      socket.on("end", () => socket.end()).resume();
      return;
    }
    if (options.refuse !== undefined) {
      socket.end(`HTTP/1.1 ${options.refuse} No\r\n\r\n`);
      return;
    }
    const [host = "", port = ""] = (request.url ?? "").split(":");
    // The names of tests mean this machine, so that nothing is looked up.
    const onward = connect(Number(port), host.endsWith(".test") ? "127.0.0.1" : host, () => {
      socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      onward.write(head);
      socket.pipe(onward).pipe(socket);
    });
    onward.on("error", () => socket.destroy());
    sockets.add(onward);
  });
  let clients = 0;
  server.on("connection", (socket) => {
    sockets.add(socket);
    clients += 1;
    socket.on("close", () => (clients -= 1));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    credentials,
    connections: () => clients,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
