import type { PairedDevice } from "@hsafa/protocol";
import type { CallOptions, Connection } from "./connection.ts";

/** The calls about pairing. Each rejects with an `HsafaError`, or with the signal's reason. */
export interface Pairings {
  /** Pairs the device that shows this code. From then on it takes calls. */
  approve(code: string, options?: CallOptions): Promise<PairedDevice>;
}

/** Makes the calls about pairing. */
export function createPairings(connection: Connection): Pairings {
  return {
    approve(code, options = {}) {
      return connection.call("/api/devices/pairings", { method: "POST", body: { code }, ...options });
    },
  };
}
