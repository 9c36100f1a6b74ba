import type { FleetStore } from "../../ports/fleet-store.ts";
import { OutgrownPlans } from "./outgrown-plans.ts";
import type { Sql } from "./sql.ts";
import { endInitialKeys, ensureApiKey, findApiKey, recordKeyUse } from "./statements/fleet/api-keys.ts";
import { readRevocationNumber, readRevocations } from "./statements/fleet/read-revocations.ts";
import { readAgents } from "./statements/agents/read-agents.ts";
import { appendDeltas } from "./statements/runs/append-deltas.ts";
import {
  recordHeartbeat,
  recordHeartbeatWithLifeline,
  countLiveGateways,
} from "./statements/fleet/record-heartbeat.ts";
import { claimRuns } from "./statements/runs/claim-runs.ts";
import { commit } from "./statements/runs/commit.ts";
import { endDeadGateways } from "./statements/fleet/end-dead-gateways.ts";
import { judgeServer } from "./statements/fleet/judge-server.ts";
import { forgetFiles, takeExpiredFiles } from "./statements/files/expired-files.ts";
import { loadHistory } from "./statements/runs/load-history.ts";
import { loadRun } from "./statements/runs/load-run.ts";
import { loadOutline } from "./statements/runs/load-outline.ts";
import { readFacts } from "./statements/runs/read-events.ts";
import { readInbox } from "./statements/runs/read-inbox.ts";
import { readCandidates } from "./statements/calls/read-candidates.ts";
import { readOpenCalls } from "./statements/calls/read-open-calls.ts";
import { readTails } from "./statements/runs/read-tails.ts";
import { readNewestRuns } from "./statements/threads/read-newest-runs.ts";
import { releaseClaims } from "./statements/runs/release-claims.ts";
import { releaseLeases } from "./statements/runs/release-leases.ts";
import { renewLeases } from "./statements/runs/renew-leases.ts";
import { settleStalls } from "./statements/runs/settle-stalls.ts";
import { createTenant, findTenant, listTenants, setTenantDisabled } from "./statements/fleet/tenants.ts";
import { readFleet, reportGateway } from "./statements/fleet/read-fleet.ts";
import { sweep } from "./statements/fleet/sweep.ts";

/**
 * The statements that serve all tenants (R10), one method each.
 *
 * `pulse` serves heartbeats and leases. It is one connection of its own, which waits for no other statement. It is
 * given up when it falls silent, and ends with the process. Null: the database is in this process and ends with it.
 */
export function createFleetStore(sql: Sql, pulse: Sql | null = null): FleetStore {
  const plans = new OutgrownPlans(sql, pulse);
  return {
    claimRuns: claimRuns(sql),
    loadRun: (params) => loadRun(sql, params),
    loadOutline: (params) => loadOutline(sql, params),
    readFacts: (params) => readFacts(sql, params),
    loadHistory: (params) => loadHistory(sql, params),
    readAgents: (params) => readAgents(sql, params),
    readInbox: (params) => readInbox(sql, params),
    commit: (params) => commit(sql, params),
    renewLeases: (params) => renewLeases(pulse ?? sql, params),
    releaseLeases: (params) => releaseLeases(pulse ?? sql, params),
    releaseClaims: (params) => releaseClaims(pulse ?? sql, params),
    settleStalls: (params) => settleStalls(sql, params),
    appendDeltas: (params) => appendDeltas(sql, params),
    readTails: (params) => readTails(sql, params),
    readNewestRuns: (params) => readNewestRuns(sql, params),
    readOpenCalls: (params) => readOpenCalls(sql, params),
    readCandidates: (params) => readCandidates(sql, params),
    recordHeartbeat: (params) =>
      pulse === null ? recordHeartbeat(sql, params) : recordHeartbeatWithLifeline(pulse, params),
    judgeServer: (params) => judgeServer(sql, params),
    endDeadGateways: (params) => (pulse === null ? Promise.resolve([]) : endDeadGateways(sql, params)),
    reportGateway: (params) => reportGateway(sql, params),
    readFleet: () => readFleet(sql),
    countLiveGateways: (params) => countLiveGateways(sql, params),
    async sweep(params) {
      await plans.look();
      return sweep(sql, params);
    },
    takeExpiredFiles: () => takeExpiredFiles(sql),
    forgetFiles: (params) => forgetFiles(sql, params),
    createTenant: (params) => createTenant(sql, params),
    listTenants: (params) => listTenants(sql, params),
    findTenant: (params) => findTenant(sql, params),
    setTenantDisabled: (params) => setTenantDisabled(sql, params),
    findApiKey: (params) => findApiKey(sql, params),
    ensureApiKey: (params) => ensureApiKey(sql, params),
    endInitialKeys: (params) => endInitialKeys(sql, params),
    recordKeyUse: (params) => recordKeyUse(sql, params),
    readRevocationNumber: () => readRevocationNumber(sql),
    readRevocations: (params) => readRevocations(sql, params),
  };
}
