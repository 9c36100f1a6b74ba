import type { GatewayMessage } from "@hsafa/protocol";
import { WebSocket } from "ws";

/** A device on a real socket that sends exactly what the test says, right or wrong. */
export class RawDevice {
  readonly socket: WebSocket;
  readonly heard: GatewayMessage[] = [];
  closedWith: { readonly code: number; readonly reason: string } | null = null;
  #wake: (() => void)[] = [];

  constructor(url: string, protocols: string | string[] = "hsafa.device.v1") {
    this.socket = new WebSocket(url, protocols);
    this.socket.on("message", (data: Buffer) => {
      this.heard.push(JSON.parse(data.toString("utf8")) as GatewayMessage);
      this.#changed();
    });
    this.socket.on("close", (code, reason) => {
      this.closedWith = { code, reason: reason.toString("utf8") };
      this.#changed();
    });
    this.socket.on("error", () => this.#changed());
    this.socket.on("open", () => this.#changed());
  }

  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** Resolves with what `look` finds; looks again whenever something happens on the socket. */
  async until<T>(look: () => T | undefined | null | false): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined && found !== null && found !== false) return found;
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    }
  }

  async open(): Promise<this> {
    await this.until(() => this.socket.readyState === WebSocket.OPEN || this.closedWith !== null);
    return this;
  }

  send(message: object | string): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  async register(message: { token: string; deviceKey: string } & Record<string, unknown>): Promise<this> {
    await this.open();
    this.send({ type: "device.register", bootId: "boot-1", tools: [], ...message });
    await this.until(() => this.closedWith !== null || this.all("device.registered")[0]);
    return this;
  }

  all<T extends GatewayMessage["type"]>(type: T): Extract<GatewayMessage, { type: T }>[] {
    return this.heard.filter((message): message is Extract<GatewayMessage, { type: T }> => message.type === type);
  }

  /** The `count`-th message of a type. */
  next<T extends GatewayMessage["type"]>(type: T, count = 1): Promise<Extract<GatewayMessage, { type: T }>> {
    return this.until(() => this.all(type)[count - 1]);
  }

  closed(): Promise<{ readonly code: number; readonly reason: string }> {
    return this.until(() => this.closedWith);
  }
}
