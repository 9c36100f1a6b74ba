import { ERRORS, type Problem } from "@hsafa/protocol";
import type { FastifyReply } from "fastify";
import type { Refusal } from "../../access/refusal.ts";
import { PROBLEM_ERRORS_MAX, PROBLEM_PATH_CHARACTERS_MAX, UNAVAILABLE_RETRY_AFTER_S } from "../limits.ts";

/** Makes the problem document (RFC 9457) of a refusal. */
function problemOf(refusal: Refusal, requestId: string): Problem {
  const { code, detail, faults, quota, runId } = refusal;
  const { status, title } = ERRORS[code];
  // The code names the kind of error, and PROTOCOL.md describes it. So the type needs no address of its own.
  const base = { type: `urn:hsafa:error:${code}`, title, status, code, detail, requestId };
  const problem = { ...base, ...(quota && { quota }), ...(runId !== undefined && { runId }) };
  if (faults === undefined) return problem;
  const errors = faults.slice(0, PROBLEM_ERRORS_MAX).map(({ path, message }) => ({
    path: path.slice(0, PROBLEM_PATH_CHARACTERS_MAX),
    message,
  }));
  return { ...problem, errors };
}

/** Responds to a request with a refusal. */
export function sendProblem(reply: FastifyReply, refusal: Refusal): FastifyReply {
  const { code } = refusal;
  if (code === "unauthenticated") reply.header("www-authenticate", 'Bearer realm="hsafa"');
  const isTimed = code === "unavailable" || code === "too_many_requests" || refusal.retryAfterMs !== undefined;
  if (isTimed) reply.header("retry-after", retryAfterS(refusal));
  return (
    reply
      .code(ERRORS[code].status)
      .type("application/problem+json")
      // As bytes: Fastify would add a charset to a text, and this media type has none.
      .send(Buffer.from(JSON.stringify(problemOf(refusal, reply.request.id))))
  );
}

function retryAfterS({ retryAfterMs }: Refusal): number {
  return retryAfterMs === undefined ? UNAVAILABLE_RETRY_AFTER_S : Math.max(1, Math.ceil(retryAfterMs / 1000));
}
