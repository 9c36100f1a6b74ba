import { LoopTurns } from "../../src/runtime/loop-turns.ts";
import { MessageSocket } from "../../src/edge/socket/message-socket.ts";
import type { SocketBounds, SocketProtocol } from "../../src/edge/socket/socket-protocol.ts";
import { FakeTransport } from "./fake-transport.ts";
import { settled } from "./fakes.ts";
import { ManualClock } from "./manual-clock.ts";
import { recordingLog } from "./recording-log.ts";
import { asTenantId } from "../../src/core/tenant-id.ts";

export const BOUNDS: SocketBounds = {
  queue: { messagesMax: 3, bytesMax: 100 },
  pace: { messages: { perSecond: 10, burst: 50 }, bytes: { perSecond: 1000, burst: 10_000 } },
  strangerBytesMax: 200,
  admissionTimeoutMs: 10_000,
  pingEveryMs: 10_000,
  unheardMaxMs: 20_000,
  faultsMax: 2,
  unsentBytesMax: 100,
  whenUnsent: "close",
};

/** The messages of this protocol are texts; `?` and what follows it breaks the protocol. */
export function protocolWith(bounds: Partial<SocketBounds>): SocketProtocol<string, object> {
  return {
    bounds: { ...BOUNDS, ...bounds },
    notAdmitted: { reason: "too_late", closeCode: 4401, detail: "Say who you are.", error: "unauthenticated" },
    read: (text) =>
      text.startsWith("?")
        ? { kind: "invalid", detail: "This is no message.", subject: text.slice(1) }
        : { kind: "message", message: text },
    error: (code, message, about) => ({ error: code, message, about }),
  };
}

/**
 * A socket with what happens on it. Here the next turn of the event loop is the next microtask, unless a test brings
 * another `later`.
 */
export function openSocket(bounds: Partial<SocketBounds> = {}, later: (callback: () => void) => void = queueMicrotask) {
  const transport = new FakeTransport();
  const clock = new ManualClock();
  const log = recordingLog();
  const socket = new MessageSocket({
    transport,
    protocol: protocolWith(bounds),
    clock,
    log,
    turns: new LoopTurns(clock),
    later,
  });
  const began: string[] = [];
  const ends: string[] = [];
  let sent = 0;
  let confirmations = 0;
  /** What ends the handling of each message; a message that is not held is handled at once. */
  const held: PromiseWithResolvers<void>[] = [];
  let isHolding = false;
  let isClosed = false;
  void socket.closed.then(() => (isClosed = true));
  socket.open({
    handle(message) {
      began.push(message);
      if (!isHolding) return Promise.resolve();
      const handled = Promise.withResolvers<void>();
      held.push(handled);
      return handled.promise;
    },
    confirmed: () => void (confirmations += 1),
    ended: (reason) => void ends.push(reason),
    sent: () => void (sent += 1),
  });
  return {
    transport,
    clock,
    log,
    socket,
    began,
    ends,
    sent: () => sent,
    confirmations: () => confirmations,
    isClosed: () => isClosed,
    /** From now on each message is handled until `handled` is called. */
    hold: () => void (isHolding = true),
    async handled(error?: Error) {
      const next = held.shift();
      if (error === undefined) next?.resolve();
      else next?.reject(error);
      await settled();
    },
  };
}

/** A client that has been admitted. */
export function openAdmitted(...params: Parameters<typeof openSocket>) {
  const world = openSocket(...params);
  world.socket.admit({ tenantId: asTenantId("t") });
  return world;
}
