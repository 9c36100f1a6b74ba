import { GATEWAY_TIMEOUT_MS } from "../../ports/limits.ts";

/** SQL: whether this gateway is alive (a heartbeat within `GATEWAY_TIMEOUT_MS`) and is not stopping. */
export function liveGateway(gatewayId: string): string {
  return `exists (
    select from gateways g
    where g.id = ${gatewayId} and not g.stopping and g.beaten_at > now() - interval '${GATEWAY_TIMEOUT_MS} milliseconds'
  )`;
}
