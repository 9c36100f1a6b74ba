import type { Fleet } from "@hsafa/protocol";
import type { CallOptions, Connection } from "./connection.ts";

/** The call about the gateways, for the operator's key alone. */
export interface FleetCalls {
  /** Returns how the gateways stand. Rejects with `forbidden` for any other key. */
  get(options?: CallOptions): Promise<Fleet>;
}

/** Makes the call about the gateways. */
export function createFleet(connection: Connection): FleetCalls {
  return { get: (options = {}) => connection.call("/api/fleet", options) };
}
