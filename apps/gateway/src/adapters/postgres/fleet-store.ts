import type { FleetStore } from "../../ports/fleet-store.ts";
import type { Sql } from "./sql.ts";
import { ensureApiKey, findApiKey } from "./statements/api-keys.ts";
import { appendDeltas } from "./statements/append-deltas.ts";
import { beatGateway, beatWithLifeline, countLiveGateways } from "./statements/beat-gateway.ts";
import { claimRuns } from "./statements/claim-runs.ts";
import { commit } from "./statements/commit.ts";
import { endDeadGateways } from "./statements/end-dead-gateways.ts";
import { loadFacts, loadRun } from "./statements/load-run.ts";
import { loadOutline } from "./statements/load-outline.ts";
import { readInbox } from "./statements/read-inbox.ts";
import { readOpenCalls } from "./statements/read-open-calls.ts";
import { readTails } from "./statements/read-tails.ts";
import { releaseClaims } from "./statements/release-claims.ts";
import { releaseLeases } from "./statements/release-leases.ts";
import { renewLeases } from "./statements/renew-leases.ts";
import { sweep } from "./statements/sweep.ts";

/**
 * The statements that serve all tenants (R10), one method each. `pulse` is for what says that a gateway and its leases
 * live, or that a lease is over: one connection of its own, which waits for no other statement, is given up when it
 * falls silent, and whose end is that of the process. Null where the database is in this process and ends with it.
 */
export function createFleetStore(sql: Sql, pulse: Sql | null = null): FleetStore {
  return {
    claimRuns: claimRuns(sql),
    loadRun: (params) => loadRun(sql, params),
    loadOutline: (params) => loadOutline(sql, params),
    loadFacts: (params) => loadFacts(sql, params),
    readInbox: (params) => readInbox(sql, params),
    commit: (params) => commit(sql, params),
    renewLeases: (params) => renewLeases(pulse ?? sql, params),
    releaseLeases: (params) => releaseLeases(pulse ?? sql, params),
    releaseClaims: (params) => releaseClaims(pulse ?? sql, params),
    appendDeltas: (params) => appendDeltas(sql, params),
    tails: ({ runIds }) => readTails(sql, runIds),
    openCalls: ({ sessionIds }) => readOpenCalls(sql, sessionIds),
    beat: (params) => (pulse === null ? beatGateway(sql, params) : beatWithLifeline(pulse, params)),
    endDeadGateways: (params) => (pulse === null ? Promise.resolve([]) : endDeadGateways(sql, params)),
    countLiveGateways: ({ withinMs }) => countLiveGateways(sql, withinMs),
    sweep: ({ gatewayTimeoutMs }) => sweep(sql, gatewayTimeoutMs),
    findApiKey: ({ keyHash }) => findApiKey(sql, keyHash),
    ensureApiKey: (params) => ensureApiKey(sql, params),
  };
}
