import { Agent, request } from "node:http";
import { connect as connectTcp, type Socket } from "node:net";
import { WebSocket } from "ws";

/** Where the target is, and what the hostile side knows of it. */
export interface TargetAddress {
  readonly url: string;
  /** A key of the hostile tenant with every scope. */
  readonly key: string;
}

export interface Reply {
  /** 0: there was no answer. */
  readonly status: number;
  readonly text: string;
}

const REQUEST_TIMEOUT_MS = 30_000;
const UNSENT_BYTES_MAX = 4_000_000;

/** Speaks to the target as the hostile tenant does. No method rejects: a refusal is a reply, no answer is status 0. */
export class HostileClient {
  readonly url: URL;
  readonly key: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  readonly #open = new Set<WebSocket | Socket>();

  constructor({ url, key }: TargetAddress) {
    this.url = new URL(url);
    this.key = key;
  }

  call(
    method: "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    body?: unknown,
    key = this.key,
    type = "application/json",
  ): Promise<Reply> {
    const isRaw = body === undefined || typeof body === "string" || body instanceof Uint8Array;
    const text = isRaw ? body : JSON.stringify(body);
    const headers = {
      authorization: `Bearer ${key}`,
      ...(text === undefined ? {} : { "content-type": type, "content-length": Buffer.byteLength(text) }),
    };
    return new Promise((resolve) => {
      const none = (): void => resolve({ status: 0, text: "" });
      const sent = request(new URL(path, this.url), {
        method,
        agent: this.#agent,
        headers,
        timeout: REQUEST_TIMEOUT_MS,
      });
      sent.on("error", none);
      sent.on("timeout", () => sent.destroy());
      sent.on("response", (response) => {
        let received = "";
        response.setEncoding("utf8");
        response.on("data", (piece: string) => {
          // The start of an answer is enough to read ids from.
          if (received.length < 10_000) received += piece;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text: received }));
        response.on("error", none);
        response.on("close", none);
      });
      sent.end(text);
    });
  }

  /** Asks, and never reads the answer. */
  askUnread(path: string): void {
    const socket = this.openTcp();
    socket.pause();
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${this.key}\r\n\r\n`);
  }

  async push(name: string, config: object): Promise<Reply> {
    return this.call("POST", "/api/agents", { name, config: { name, ...config } });
  }

  /** Starts a run; undefined: it was refused. */
  async start(agent: string, more: object = {}): Promise<string | undefined> {
    const { status, text } = await this.call("POST", "/api/runs", { agent, input: "go", ...more });
    return status === 202 ? (JSON.parse(text) as { runId: string }).runId : undefined;
  }

  openTcp(): Socket {
    const socket = connectTcp(Number(this.url.port), this.url.hostname);
    socket.on("error", () => {});
    return this.#keep(socket);
  }

  /** Opens a WebSocket. Resolves when it is open; undefined: it was refused. */
  openWebSocket(path: string, protocol?: string): Promise<WebSocket | undefined> {
    const address = new URL(path, this.url);
    address.protocol = "ws:";
    const socket = this.#keep(new WebSocket(address, protocol === undefined ? [] : [protocol]));
    return new Promise((resolve) => {
      socket.on("open", () => resolve(socket));
      socket.on("error", () => resolve(undefined));
      socket.on("close", () => resolve(undefined));
    });
  }

  /** Sends a message once what was sent before has left, as fast as the gateway takes it. */
  async say(socket: WebSocket, message: string): Promise<void> {
    while (socket.bufferedAmount > UNSENT_BYTES_MAX && socket.readyState === WebSocket.OPEN)
      await new Promise((resolve) => setTimeout(resolve, 2));
    if (socket.readyState === WebSocket.OPEN) socket.send(message);
  }

  /** Opens a device that offers the tool `x`; undefined: it was refused. */
  async openDevice(deviceKey: string): Promise<WebSocket | undefined> {
    const socket = await this.openWebSocket("/devices/connect", "hsafa.device.v1");
    const tools = [{ name: "x", description: "", inputSchema: { type: "object" } }];
    const registration = { type: "device.register", token: this.key, deviceKey, bootId: "boot", tools };
    socket?.send(JSON.stringify(registration));
    return socket;
  }

  close(): void {
    this.#agent.destroy();
    for (const connection of this.#open) {
      if (connection instanceof WebSocket) connection.terminate();
      else connection.destroy();
    }
  }

  #keep<T extends WebSocket | Socket>(connection: T): T {
    this.#open.add(connection);
    connection.on("close", () => this.#open.delete(connection));
    return connection;
  }
}
