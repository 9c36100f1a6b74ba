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
    if (socket.destroyed) return; // 3.
    const line = this.#lines.get(socket) ?? this.#open(socket);
    if (!line.isServing) return this.#begin(line, { request, response });
    if (line.waiting.length >= REQUESTS_WAITING_PER_CONNECTION_MAX || this.#waiting >= REQUESTS_WAITING_MAX) {
      return this.#cut(socket); // 2.
    }
    line.waiting.push({ request, response });
    this.#waiting += 1;
  };

  #open(socket: Socket): Line {
    const line: Line = { isServing: false, waiting: [] };
    this.#lines.set(socket, line);
    socket.once("close", () => {
      this.#waiting -= line.waiting.length;
      line.waiting.length = 0; // 3.
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
