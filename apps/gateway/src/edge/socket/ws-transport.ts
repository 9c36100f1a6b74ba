import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { MessageTransport } from "./message-transport.ts";

/** A transport over a WebSocket of the `ws` library. `stream` is the connection beneath it. */
export function wsTransport(webSocket: WebSocket, stream: Duplex): MessageTransport {
  const isOpen = (): boolean => webSocket.readyState === webSocket.OPEN;
  const answerPing = pongsFor(webSocket);
  return {
    open(events) {
      stream.on("data", (chunk: Buffer) => events.bytes(chunk.length));
      webSocket.on("message", (data: Buffer, isBinary) => {
        if (isBinary) events.binary();
        else events.text(data.toString("utf8"), data.length);
      });
      webSocket.on("ping", (payload: Buffer) => {
        answerPing(payload);
        events.pinged();
      });
      webSocket.on("pong", () => events.pong());
      // After an error (a message above the bound, a reset) the library closes the connection, and `close` follows.
      webSocket.on("error", () => {});
      webSocket.on("close", () => events.closed());
    },
    send(text, onSent) {
      // After a failed write the library closes the connection, and `close` follows.
      if (isOpen()) webSocket.send(text, { binary: false }, onSent);
    },
    batch(write) {
      stream.cork();
      write();
      stream.uncork();
    },
    ping() {
      if (!isOpen()) return;
      // The answer to an admission follows in the same turn: both leave in one packet.
      stream.cork();
      webSocket.ping();
      process.nextTick(() => stream.uncork());
    },
    pause: () => webSocket.pause(),
    resume: () => webSocket.resume(),
    close: (code, reason) => webSocket.close(code, reason),
    terminate: () => webSocket.terminate(),
    get bufferedAmount() {
      return webSocket.bufferedAmount;
    },
  };
}

/**
 * Returns a function that answers a ping. While a pong is on its way it keeps the latest ping alone, as RFC 6455
 * allows. The library would answer each, and keep the pongs of a client that does not read.
 */
function pongsFor(webSocket: WebSocket): (payload: Buffer) => void {
  let isSending = false;
  let latest: Buffer | null = null;
  const send = (payload: Buffer): void => {
    isSending = true;
    webSocket.pong(payload, false, () => {
      isSending = false;
      const next = latest;
      latest = null;
      if (next !== null && webSocket.readyState === webSocket.OPEN) send(next);
    });
  };
  return (payload) => {
    if (isSending) latest = payload;
    else if (webSocket.readyState === webSocket.OPEN) send(payload);
  };
}
