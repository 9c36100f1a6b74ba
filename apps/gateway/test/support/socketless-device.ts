import type { DeviceMessage, GatewayMessage } from "@hsafa/protocol";
import type { Refusal } from "../../src/access/refusal.ts";
import type { DeviceHandler, DeviceServer } from "../../src/devices/device-server.ts";
import type { DeviceSocket, SessionEnd } from "../../src/devices/device-socket.ts";
import { settled } from "./fakes.ts";

/** A device that hands its messages to a device server as a socket does, one at a time, and keeps what it is told. */
export class SocketlessDevice {
  readonly heard: GatewayMessage[] = [];
  /** How the connection ended: what the server said, or `disconnected`. */
  endedAs: SessionEnd | Refusal["code"] | "disconnected" | null = null;
  readonly faults: string[] = [];
  /** When the credential expires that the device was last admitted with; null before it was admitted. */
  admittedUntil: number | null = null;
  #handler: DeviceHandler | null = null;
  /** Whether it answers the ping that follows its admission. */
  answersPings = true;
  readonly #queue: DeviceMessage[] = [];
  #isHandling = false;

  constructor(devices: DeviceServer) {
    const socket: DeviceSocket = {
      send: (message) => {
        if (this.endedAs === null) this.heard.push(message);
      },
      takePlace: () => null,
      from: "10.0.0.1",
      fault: (detail) => void this.faults.push(detail),
      admit: ({ expiresAt }) => {
        const isFirst = this.admittedUntil === null;
        this.admittedUntil = expiresAt ?? Number.POSITIVE_INFINITY;
        if (isFirst && this.answersPings) queueMicrotask(() => this.pongs());
      },
      refuse: ({ code }) => this.#end(code),
      end: (why) => this.#end(why),
    };
    this.#handler = devices.connect(socket);
    // The server may have ended the connection before it returned its handler.
    if (this.endedAs !== null) this.#handler.ended(this.endedAs);
  }

  /** Sends messages, and waits until all that they lead to has been done. */
  async say(...messages: readonly DeviceMessage[]): Promise<void> {
    this.#queue.push(...messages);
    if (!this.#isHandling) void this.#handleQueue();
    await settled();
  }

  async #handleQueue(): Promise<void> {
    this.#isHandling = true;
    for (let next = this.#queue.shift(); next !== undefined && this.endedAs === null; next = this.#queue.shift()) {
      await this.#handler?.handle(next);
    }
    this.#isHandling = false;
  }

  async register(deviceKey: string, more: Partial<Extract<DeviceMessage, { type: "device.register" }>> = {}) {
    await this.say({ type: "device.register", token: "good", deviceKey, bootId: "boot-1", tools: [], ...more });
    return this;
  }

  /** It answers the ping that followed its admission. */
  pongs(): void {
    if (this.endedAs === null) this.#handler?.confirmed();
  }

  /** The connection breaks. */
  async disconnect(): Promise<void> {
    this.#end("disconnected");
    await settled();
  }

  all<T extends GatewayMessage["type"]>(type: T): Extract<GatewayMessage, { type: T }>[] {
    return this.heard.filter((message): message is Extract<GatewayMessage, { type: T }> => message.type === type);
  }

  /** The ids of the calls that it was asked for, in order. */
  get asked(): string[] {
    return this.all("tool.call.request").map(({ callId }) => callId);
  }

  #end(why: NonNullable<SocketlessDevice["endedAs"]>): void {
    if (this.endedAs !== null) return;
    this.endedAs = why;
    this.#handler?.ended(why);
  }
}
