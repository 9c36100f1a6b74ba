/** What may stand in an event of a socket, whichever it is. */
export interface WebSocketLikeEvent {
  readonly type: string;
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
}

/** The part of `WebSocket` that is the same in browsers, Node, React Native and the npm package `ws`. */
export interface WebSocketLike {
  readonly readyState: number;
  addEventListener(type: "open" | "message" | "close" | "error", listener: (event: WebSocketLikeEvent) => void): void;
  send(data: string): void;
  close(code?: number): void;
}

export type WebSocketConstructor = new (url: string, protocols: string) => WebSocketLike;

/** A socket of ours: its listener hears nothing more once it is closed from here. */
export interface WebSocketLine {
  /** Does nothing unless the socket is open. */
  send(text: string): void;
  /** Returns at once, also when the other side can no longer say goodbye. */
  close(): void;
}

export interface WebSocketListener {
  open(): void;
  message(text: string): void;
  close(code: number, reason: string): void;
}

const OPEN = 1;

/** Opens a socket with the given constructor, or with the global one. */
export function openWebSocket(
  url: string,
  protocol: string,
  constructor: WebSocketConstructor | undefined,
  listener: WebSocketListener,
): WebSocketLine {
  const Constructor: WebSocketConstructor | undefined = constructor ?? globalThis.WebSocket;
  if (Constructor === undefined)
    throw new Error("There is no global WebSocket here: pass a constructor as `WebSocket`.");
  const socket = new Constructor(url, protocol);
  let isOurs = true;
  socket.addEventListener("open", () => {
    if (isOurs) listener.open();
  });
  socket.addEventListener("message", (event) => {
    if (isOurs && typeof event.data === "string") listener.message(event.data);
  });
  // An error is always followed by a close, which says all that can be known; the package `ws` throws one that nobody
  // listens to.
  socket.addEventListener("error", () => {});
  socket.addEventListener("close", (event) => {
    if (!isOurs) return;
    isOurs = false;
    listener.close(event.code ?? 1006, event.reason ?? "");
  });

  return {
    send(text) {
      if (socket.readyState === OPEN) socket.send(text);
    },
    close() {
      isOurs = false;
      socket.close(1000);
    },
  };
}
