import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { ERRORS, type ErrorCode } from "@hsafa/protocol";

/**
 * Answers a problem document on a socket that no HTTP response stands for, and closes it. `status` where it is not that
 * of the code.
 */
export function sendBareProblem(
  socket: Duplex,
  problem: { readonly code: ErrorCode; readonly detail: string; readonly status?: number },
): void {
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
