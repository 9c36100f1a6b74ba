import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { ERRORS, type ErrorCode } from "@hsafa/protocol";

/**
 * Sends a problem document on a connection that has no HTTP response object, and closes it. `status`: if it is not that
 * of the code.
 */
export function sendBareProblem(
  socket: Duplex,
  problem: { readonly code: ErrorCode; readonly detail: string; readonly status?: number },
): void {
  // The peer may go away meanwhile; without a listener that would end the process.
  socket.on("error", () => {});
  const { code, detail } = problem;
  const { title } = ERRORS[code];
  const status = problem.status ?? ERRORS[code].status;
  const body = JSON.stringify({ type: `urn:hsafa:error:${code}`, title, status, code, detail });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    "Connection: close",
    "Content-Type: application/problem+json",
    `Content-Length: ${Buffer.byteLength(body)}`,
  ].join("\r\n");
  socket.end(`${head}\r\n\r\n${body}`, () => socket.destroy());
}
