import type { FastifyRequest } from "fastify";
import { chargeBytes } from "../../runtime/charge-bytes.ts";
import { TURN_BYTES_MIN } from "../../runtime/limits.ts";
import { BODY_BYTES_MAX } from "../limits.ts";
import { awaitTurn, type TurnDeps } from "./await-turn.ts";
import { bodyBytes, type ReadBody, readBody } from "./read-body.ts";

/**
 * Takes the body of a request. What its caller does with it at once is charged to the tenant.
 *
 * A large one waits for two turns. The first comes before it is read: a tenant that sends more than its share waits in
 * its connections, and not in our memory. The second comes before it is parsed.
 */
export async function takeBody(deps: TurnDeps, tenantId: string, request: FastifyRequest): Promise<ReadBody> {
  if (!mayBeLarge(request)) return readBody(await bodyBytes(request), request);
  const tooMany = await awaitTurn(deps, tenantId);
  if (tooMany !== null) return tooMany;
  const bytes = await bodyBytes(request);
  chargeBytes(deps.turns, tenantId, bytes === "too_large" ? BODY_BYTES_MAX : bytes.length);
  await deps.turns.take(tenantId);
  return readBody(bytes, request);
}

/** Whether the body is large, or does not say. */
function mayBeLarge({ headers }: FastifyRequest): boolean {
  const length = headers["content-length"];
  return headers["transfer-encoding"] !== undefined || (length !== undefined && Number(length) >= TURN_BYTES_MIN);
}
