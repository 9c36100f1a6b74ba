import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { DEVICE_SUBPROTOCOL } from "@hsafa/protocol";
import { WebSocket, WebSocketServer } from "ws";
import type { DeviceFault, MessagePoint } from "./device-case.ts";
import type { SeenConnection } from "./judge-device-case.ts";
import { MESSAGE_MAX_BYTES } from "./limits.ts";

/**
 * Stands between a device and a gateway. It passes on messages, pings and pongs, and does to them what a case asks for.
 * All connections of one device are one dialogue: messages are counted over all of them.
 */
export interface DeviceRelay {
  /** What the device gets as `HSAFA_URL`. */
  readonly url: string;
  readonly connections: readonly SeenConnection[];
  readonly sent: Readonly<Record<string, number>>;
  /** Points of the case that were passed. */
  readonly passed: ReadonlySet<DeviceFault>;
  close(): Promise<void>;
}

type Side = MessagePoint["from"];

/** What the ping of the relay itself bears. Pongs that answer other pings may come before its pong. */
const CUT_MARK = "relay";

export async function openDeviceRelay(params: {
  readonly gatewayUrl: string;
  readonly faults: readonly DeviceFault[];
  readonly cancelRun: () => void;
}): Promise<DeviceRelay> {
  const { gatewayUrl, faults, cancelRun } = params;
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, autoPong: false, maxPayload: MESSAGE_MAX_BYTES });
  await once(server, "listening");
  const connections: { openedAt: number; closedAt: number | null; bootId: string | null }[] = [];
  const sent: Record<string, number> = {};
  const counts = new Map<string, number>();
  const passed = new Set<DeviceFault>();
  const upstreams = new Set<WebSocket>();

  /** The fault of this message, which is counted. */
  function faultAt(from: Side, type: string): DeviceFault | undefined {
    const nth = (counts.get(`${from} ${type}`) ?? 0) + 1;
    counts.set(`${from} ${type}`, nth);
    const fault = faults.find(({ at }) => at.from === from && at.type === type && (at.nth ?? 1) === nth);
    if (fault !== undefined) passed.add(fault);
    return fault;
  }

  server.on("connection", (device, request) => {
    const seen = { openedAt: performance.now(), closedAt: null as number | null, bootId: null as string | null };
    connections.push(seen);
    const address = `${gatewayUrl.replace(/^http/, "ws")}${request.url ?? ""}`;
    const gateway = new WebSocket(address, DEVICE_SUBPROTOCOL, { autoPong: false, maxPayload: MESSAGE_MAX_BYTES });
    upstreams.add(gateway);
    /** What the device says before the gateway is reached. */
    let early: (() => void)[] | null = [];
    let isDeaf = false;
    const cut = (): void => {
      device.terminate();
      gateway.terminate();
    };

    /**
     * Cuts once the message was read, which the pong after it shows. A cut after the write alone may reset the
     * connection, and the receiver's kernel then drops what it has not read. Nothing else is passed on meanwhile.
     */
    function deliverAndCut(to: WebSocket, text: string): void {
      isDeaf = true;
      to.on("pong", (data) => {
        if (data.toString() === CUT_MARK) cut();
      });
      to.once("close", cut);
      to.send(text);
      to.ping(CUT_MARK);
    }

    /** Passes a message on, unless its fault says otherwise. */
    function pass(from: Side, text: string): void {
      if (isDeaf) return;
      const [to, message] = [from === "device" ? gateway : device, JSON.parse(text) as Record<string, unknown>];
      const type = String(message.type);
      if (from === "device") sent[type] = (sent[type] ?? 0) + 1;
      if (type === "device.register") seen.bootId = String(message.bootId);
      const fault = faultAt(from, type);
      switch (fault?.do) {
        case undefined:
          return to.send(text);
        case "cut":
          return cut();
        case "deliver-and-cut":
          return deliverAndCut(to, text);
        case "repeat":
          to.send(text);
          return to.send(text);
        case "fragment":
          return sendInFragments(to, text);
        case "inject":
          to.send(JSON.stringify(fault.message));
          return to.send(text);
        case "amend":
          return to.send(JSON.stringify({ ...message, ...fault.message }));
        case "close":
          to.send(text);
          if (fault.message !== undefined) device.send(JSON.stringify(fault.message));
          device.close(fault.code);
          // The device may be back before its answer to this is read.
          seen.closedAt = performance.now();
          return gateway.terminate();
        case "go-deaf":
          to.send(text);
          isDeaf = true;
          return;
        case "cancel-run":
          to.send(text);
          return cancelRun();
      }
    }

    device.on("message", (data: Buffer) => {
      const text = data.toString("utf8");
      if (early === null) pass("device", text);
      else early.push(() => pass("device", text));
    });
    gateway.on("open", () => {
      for (const say of early ?? []) say();
      early = null;
    });
    gateway.on("message", (data: Buffer) => pass("gateway", data.toString("utf8")));
    for (const [one, other] of [
      [device, gateway],
      [gateway, device],
    ] as const) {
      one.on("ping", (data) => {
        if (!isDeaf && other.readyState === WebSocket.OPEN) other.ping(data);
      });
      one.on("pong", (data) => {
        if (!isDeaf && other.readyState === WebSocket.OPEN) other.pong(data);
      });
      // The other side learns it by the close.
      one.on("error", () => {});
    }
    device.on("close", () => {
      seen.closedAt ??= performance.now();
      gateway.terminate();
    });
    gateway.on("close", (code, reason) => {
      upstreams.delete(gateway);
      if (isDeaf || device.readyState !== WebSocket.OPEN) return;
      if (isSendable(code)) device.close(code, reason);
      else device.terminate();
    });
  });

  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    connections,
    sent,
    passed,
    async close() {
      for (const socket of [...server.clients, ...upstreams]) socket.terminate();
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}

/** Codes that a close frame may carry (RFC 6455, 7.4). */
function isSendable(code: number): boolean {
  return code >= 1000 && code !== 1005 && code !== 1006 && code !== 1015;
}

/** Characters of several bytes may lie in two frames. */
function sendInFragments(to: WebSocket, text: string): void {
  const bytes = Buffer.from(text, "utf8");
  const third = Math.ceil(bytes.length / 3);
  for (let from = 0; from < bytes.length; from += third) {
    to.send(bytes.subarray(from, from + third), { binary: false, fin: from + third >= bytes.length });
  }
}
