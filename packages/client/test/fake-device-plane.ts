import type { AddressInfo } from "node:net";
import type { DeviceMessage, DeviceRegister, GatewayMessage } from "@hsafa/protocol";
import { type WebSocket, WebSocketServer } from "ws";

/** One connection of a device, as the gateway sees it. */
export class DeviceSocket {
  readonly heard: DeviceMessage[] = [];
  readonly socket: WebSocket;
  #wake: (() => void)[] = [];

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer) => {
      this.heard.push(JSON.parse(data.toString("utf8")) as DeviceMessage);
      for (const wake of this.#wake.splice(0)) wake();
    });
  }

  say(message: GatewayMessage): void {
    this.socket.send(JSON.stringify(message));
  }

  request(callId: string, more: { toolName?: string; args?: string; attempt?: number } = {}): void {
    const { toolName = "echo", args = "hello", attempt = 1 } = more;
    this.say({ type: "tool.call.request", callId, runId: "run-1", toolName, args, attempt, deadline: null });
  }

  all<T extends DeviceMessage["type"]>(type: T): Extract<DeviceMessage, { type: T }>[] {
    return this.heard.filter((message): message is Extract<DeviceMessage, { type: T }> => message.type === type);
  }

  /** The `count`-th message of a type. */
  async next<T extends DeviceMessage["type"]>(type: T, count = 1): Promise<Extract<DeviceMessage, { type: T }>> {
    for (;;) {
      const message = this.all(type)[count - 1];
      if (message !== undefined) return message;
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    }
  }

  /** Answers the registration. */
  async welcome(heartbeatMs = 10_000): Promise<DeviceRegister> {
    const registration = await this.next("device.register");
    this.say({ type: "device.registered", deviceId: "device-1", sessionId: "session-1", heartbeatMs });
    return registration;
  }
}

/** The device side of a gateway, in process, doing what a test says. */
export class FakeDevicePlane {
  readonly #server: WebSocketServer;
  readonly connections: DeviceSocket[] = [];
  #wake: (() => void)[] = [];

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on("connection", (socket) => {
      this.connections.push(new DeviceSocket(socket));
      for (const wake of this.#wake.splice(0)) wake();
    });
  }

  static async start(): Promise<FakeDevicePlane> {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1", path: "/devices/connect" });
    await new Promise<void>((resolve) => server.once("listening", () => resolve()));
    return new FakeDevicePlane(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The `count`-th connection. */
  async connection(count = 1): Promise<DeviceSocket> {
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
