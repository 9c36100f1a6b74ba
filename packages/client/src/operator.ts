/** The calls of operators, apart from the client: no page needs them, so no page loads them. */
import { type Audit, createAudit } from "./audit.ts";
import { type ConnectionOptions, createConnection } from "./connection.ts";
import { createFleet, type FleetCalls } from "./fleet.ts";
import { createKeys, type Keys } from "./keys.ts";
import { createPairings, type Pairings } from "./pairings.ts";
import { createQuotas, type QuotaCalls } from "./quotas.ts";
import { createSecrets, type Secrets } from "./secrets.ts";
import { bySession } from "./by-session.ts";
import { createTenants, type Tenants } from "./tenants.ts";

/** What a tenant holds and may do. Every method rejects with an `HsafaError`, or the signal's reason. */
export interface Operator {
  readonly keys: Keys;
  readonly secrets: Secrets;
  readonly quotas: QuotaCalls;
  /** For the operator's key alone. */
  readonly tenants: Tenants;
  readonly audit: Audit;
  /** For the operator's key alone. */
  readonly fleet: FleetCalls;
  readonly pairings: Pairings;
}

/** Makes the operator's calls to a gateway. Their credential is an API key. */
export function createOperator(options: ConnectionOptions): Operator {
  const connection = createConnection(options);
  return {
    keys: createKeys(connection),
    secrets: createSecrets(connection),
    quotas: createQuotas(connection),
    tenants: createTenants(connection),
    audit: createAudit(connection),
    fleet: createFleet(connection),
    pairings: createPairings(connection),
  };
}

/** Makes the operator's calls with the session of this browser (`@hsafa/client/session`). */
export function createSessionOperator({ url }: Pick<ConnectionOptions, "url">): Operator {
  return createOperator(bySession(url));
}
