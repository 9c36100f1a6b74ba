import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { REQUESTS_WAITING_MAX, REQUESTS_WAITING_PER_CONNECTION_MAX } from "../limits.ts";

interface Turn {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** The requests of one connection: whether one is served, and those that came behind it. */
interface Line {
  isServing: boolean;
  isCut: boolean;
  readonly waiting: Turn[];
}

/**
 * Serves the requests of one connection one after the other.
 *
 * 1. A request is begun when the response before it has left this process. So a client that sends ahead and reads
 *    nothing costs one response.
 * 2. Few requests wait on one connection, and in all. A client that goes beyond is cut: HTTP has no other way to stop
 *    the requests of a packet that was read.
 * 3. A connection that is cut serves nothing more, whatever was read of it.
 * 4. Requests that wait in vain end without a stack. When a connection closes, Node destroys each request of it with an
 *    error of its own, and writes its stack out. For the requests of one packet that takes 0.1 s.
 */
export class RequestTurns {
  readonly #serve: RequestListener;
  readonly #cut: (socket: Socket) => void;
  readonly #lines = new WeakMap<Socket, Line>();
  #waiting = 0;

  /** `cut`: destroys a connection that sent ahead beyond its bound. */
  constructor(serve: RequestListener, cut: (socket: Socket) => void) {
    this.#serve = serve;
    this.#cut = cut;
  }

  /** Requests that wait on all connections. */
  get waiting(): number {
    return this.#waiting;
  }

  readonly take: RequestListener = (request, response) => {
    const { socket } = request;
    if (socket.destroyed) return void request.destroy(); // 3. 4.
    const line = this.#lines.get(socket) ?? this.#open(socket);
    if (!line.isServing) return this.#begin(line, { request, response });
    if (line.waiting.length >= REQUESTS_WAITING_PER_CONNECTION_MAX || this.#waiting >= REQUESTS_WAITING_MAX) {
      line.isCut = true;
      this.#cut(socket); // 2.
      return void request.destroy(); // 4.
    }
    line.waiting.push({ request, response });
    this.#waiting += 1;
  };

  #open(socket: Socket): Line {
    const line: Line = { isServing: false, isCut: false, waiting: [] };
    this.#lines.set(socket, line);
    let stackTraceLimit = Error.stackTraceLimit;
    // 4. Node's own listener stands between these two.
    socket.prependOnceListener("close", () => {
      stackTraceLimit = Error.stackTraceLimit;
      if (line.isCut || line.waiting.length > 0) Error.stackTraceLimit = 0;
      this.#waiting -= line.waiting.length;
      for (const { request } of line.waiting.splice(0)) request.destroy(); // 3. 4.
    });
    socket.once("close", () => {
      Error.stackTraceLimit = stackTraceLimit;
    });
    return line;
  }

  #begin(line: Line, { request, response }: Turn): void {
    line.isServing = true;
    // It comes after the operating system took the last byte, or with the end of the connection. 1.
    response.once("close", () => {
      line.isServing = false;
      const next = line.waiting.shift();
      if (next === undefined) return;
      this.#waiting -= 1;
      this.#begin(line, next);
    });
    this.#serve(request, response);
  }
}
