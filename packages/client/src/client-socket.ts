/** The fields that an event of a socket may have, whichever event it is. */
export interface WebSocketLikeEvent {
  readonly type: string;
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
}

/** The part of `WebSocket` that is the same in browsers, Node, React Native and the npm package `ws`. */
export interface WebSocketLike {
  /** 1 while the socket is open. */
  readonly readyState: number;
  /** As in the DOM. */
  addEventListener(type: "open" | "message" | "close" | "error", listener: (event: WebSocketLikeEvent) => void): void;
  /** Sends a text message. */
  send(data: string): void;
  /** Begins to close the connection. */
  close(code?: number): void;
}

/** A constructor such as the global `WebSocket`. */
export type WebSocketConstructor = new (url: string, protocols?: string) => WebSocketLike;

/** An open or opening socket. After `close()` its listener is not called any more. */
export interface ClientSocket {
  /** Sends a text message. Does nothing unless the socket is open. */
  send(text: string): void;
  /** Closes the socket. Returns at once, even if the other side no longer answers. */
  close(): void;
}

/** What a socket reports. */
export interface ClientSocketListener {
  /** The socket is open. */
  open(): void;
  /** A text message has come. Binary messages are ignored. */
  message(text: string): void;
  /** The other side has closed the socket, or it broke (code 1006). */
  close(code: number, reason: string): void;
}

const OPEN = 1;

/** Returns what makes sockets: this constructor, or the global one; undefined where there is neither. */
export const webSocketOf = (constructor: WebSocketConstructor | undefined): WebSocketConstructor | undefined =>
  constructor ?? globalThis.WebSocket;

/** Opens a socket with the given constructor, or with the global one. Throws if there is neither. */
export function openClientSocket(
  url: string,
  protocol: string | undefined,
  constructor: WebSocketConstructor | undefined,
  listener: ClientSocketListener,
): ClientSocket {
  const Constructor = webSocketOf(constructor);
  if (Constructor === undefined) throw new Error("No global WebSocket: pass a constructor as `WebSocket`.");
  const socket = new Constructor(url, protocol);
  let isClosed = false;
  socket.addEventListener("open", () => {
    if (!isClosed) listener.open();
  });
  socket.addEventListener("message", (event) => {
    if (!isClosed && typeof event.data === "string") listener.message(event.data);
  });
  // A close follows each error and says all that is known. The package `ws` throws an error that has no listener.
  socket.addEventListener("error", () => {});
  socket.addEventListener("close", (event) => {
    if (isClosed) return;
    isClosed = true;
    listener.close(event.code ?? 1006, event.reason ?? "");
  });

  return {
    send(text) {
      if (socket.readyState === OPEN) socket.send(text);
    },
    close() {
      isClosed = true;
      socket.close(1000);
    },
  };
}
