import type { AddressInfo } from "node:net";
import type { DeviceMessage, DeviceRegister, GatewayMessage } from "@hsafa/protocol";
import { type WebSocket, WebSocketServer } from "ws";

/** One connection of a device, as a gateway sees it. */
export class FakeDeviceConnection {
  readonly received: DeviceMessage[] = [];
  readonly socket: WebSocket;
  #wake: (() => void)[] = [];

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer) => {
      this.received.push(JSON.parse(data.toString("utf8")) as DeviceMessage);
      for (const wake of this.#wake.splice(0)) wake();
    });
  }

  send(message: GatewayMessage): void {
    this.socket.send(JSON.stringify(message));
  }

  /** Asks for a call. */
  request(callId: string, more: { toolName?: string; args?: string; attempt?: number } = {}): void {
    const { toolName = "echo", args = "hello", attempt = 1 } = more;
    this.send({ type: "tool.call.request", callId, runId: "run-1", toolName, args, attempt, deadline: null });
  }

  /** Returns the messages of a type so far. */
  all<T extends DeviceMessage["type"]>(type: T): Extract<DeviceMessage, { type: T }>[] {
    return this.received.filter((message): message is Extract<DeviceMessage, { type: T }> => message.type === type);
  }

  /** Waits for the `count`-th message of a type, and returns it. */
  async next<T extends DeviceMessage["type"]>(type: T, count = 1): Promise<Extract<DeviceMessage, { type: T }>> {
    for (;;) {
      const message = this.all(type)[count - 1];
      if (message !== undefined) return message;
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    }
  }

  /** Waits for the registration and accepts it. Returns the registration. */
  async accept(heartbeatMs = 10_000): Promise<DeviceRegister> {
    const registration = await this.next("device.register");
    this.send({ type: "device.registered", deviceId: "device-1", sessionId: "session-1", heartbeatMs });
    return registration;
  }
}

/** The device socket of a gateway, in process. It does what a test says. */
export class FakeDeviceServer {
  readonly #server: WebSocketServer;
  readonly connections: FakeDeviceConnection[] = [];
  #wake: (() => void)[] = [];

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on("connection", (socket) => {
      this.connections.push(new FakeDeviceConnection(socket));
      for (const wake of this.#wake.splice(0)) wake();
    });
  }

  static async start(): Promise<FakeDeviceServer> {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1", path: "/devices/connect" });
    await new Promise<void>((resolve) => server.once("listening", () => resolve()));
    return new FakeDeviceServer(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Waits for the `count`-th connection, and returns it. */
  async connection(count = 1): Promise<FakeDeviceConnection> {
    for (;;) {
      const connection = this.connections[count - 1];
      if (connection !== undefined) return connection;
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    }
  }

  async close(): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
