import type { EventRecord } from "../../src/core/event-record.ts";
import type { Commit, FleetStore } from "../../src/ports/fleet-store.ts";
import type { LiveLog } from "../../src/ports/live-log.ts";
import type { Machine } from "./machine.ts";
import type { Plant } from "./plants.ts";
import { ShortReads } from "./short-reads.ts";

/** Bugs of an engine, planted at the statements by which it reads inboxes, reports leases and commits. */
export interface LinkPlants {
  /** The statements that it uses otherwise than it should. */
  reads(fleet: FleetStore): Partial<FleetStore>;
  commit(
    machine: Machine,
    commit: Commit,
    send: (commit: Commit) => ReturnType<FleetStore["commit"]>,
  ): ReturnType<FleetStore["commit"]>;
}

/** The statements about leases that a plant changes. */
function leasePlant(plant: Plant | null, fleet: FleetStore): Partial<FleetStore> {
  switch (plant) {
    case "forget_what_is_owed":
      return { releaseLeases: async () => {} };
    case "forget_lost_claims":
      return { releaseClaims: async () => {} };
    case "forgive_nobody":
      return { settleStalls: ({ stalled }) => fleet.settleStalls({ stalled, forgiven: [] }) };
    case "blame_bystanders":
      return {
        settleStalls: ({ stalled, forgiven }) =>
          fleet.settleStalls({ stalled: forgiven.map(({ runId }) => ({ runId, stalls: stalled.length })), forgiven }),
      };
    case "no_shares":
      return {
        claimRuns: (params) => fleet.claimRuns({ ...params, places: { free: params.limit * 1000, heldBy: new Map() } }),
      };
    case "last_chances_together":
      return { claimRuns: (params) => fleet.claimRuns({ ...params, lastChancesMax: params.limit }) };
    default:
      return {};
  }
}

export function plantsOf(plant: Plant | null, liveLogOf: (machine: Machine) => LiveLog): LinkPlants {
  const shortReads = new ShortReads(plant);
  return {
    reads: (fleet) => ({ ...shortReads.of(fleet), ...leasePlant(plant, fleet) }),
    commit(machine, commit, send) {
      const [first] = commit.facts;
      switch (plant) {
        case "publish_before_commit":
          void liveLogOf(machine).forTenant(commit.tenantId).append({ runId: commit.runId, records: commit.facts });
          return send(commit);
        case "wrong_prev":
          // The same record is published, so readers of the live log are misled in the same way.
          if (first !== undefined) (first as { prev: EventRecord["prev"] }).prev = { seq: first.seq - 1, sub: 0 };
          return send(commit);
        case "merge_before_facts": {
          if (commit.merges.length === 0) return send(commit);
          const ends = { ...commit, facts: [], calls: [], consumed: [], inboxMustBe: null, progress: false };
          return send({ ...ends, lease: { kind: "keep" } }).then((outcome) =>
            outcome.kind === "committed" ? send({ ...commit, merges: [] }) : outcome,
          );
        }
        case "two_ends":
          return send(commit).then((outcome) => {
            const last = commit.facts.at(-1);
            if (outcome.kind !== "committed" || last === undefined || !/^run\.(completed|canceled)$/.test(last.type))
              return outcome;
            const again = { ...last, seq: last.seq + 1, prev: { seq: last.seq, sub: 0 } };
            void liveLogOf(machine)
              .forTenant(commit.tenantId)
              .append({ runId: commit.runId, records: [again] });
            return outcome;
          });
        default:
          return send(shortReads.guarded(commit));
      }
    },
  };
}
