import type { IncomingMessage } from "node:http";
import type { Clock } from "../../ports/clock.ts";
import { REQUEST_TIMEOUT_MS } from "../limits.ts";
import { sendBareProblem } from "../socket/bare-problem.ts";
import { TOO_SLOW } from "./too-slow.ts";

/**
 * Cuts requests whose bodies take longer than `REQUEST_TIMEOUT_MS`. The server itself waits longer: an upload of a file
 * may, once its credential was checked.
 */
export class SlowBodies {
  readonly #after: Clock["after"];
  readonly #cancels = new WeakMap<IncomingMessage, () => void>();

  constructor({ after }: Pick<Clock, "after">) {
    this.#after = after;
  }

  /** A request has begun. */
  readonly watch = (request: IncomingMessage): void => {
    const { headers, socket } = request;
    if (headers["content-length"] === undefined && headers["transfer-encoding"] === undefined) return;
    const cancel = this.#after(REQUEST_TIMEOUT_MS, () => {
      if (!request.complete && !socket.destroyed) sendBareProblem(socket, TOO_SLOW);
    });
    this.#cancels.set(request, cancel);
    request.once("end", cancel);
    request.once("close", cancel);
  };

  /** The request may take as long as the server waits. */
  readonly allow = (request: IncomingMessage): void => this.#cancels.get(request)?.();
}
