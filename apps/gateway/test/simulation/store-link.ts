import type { FleetStore } from "../../src/ports/fleet-store.ts";
import type { StartOffer } from "../../src/ports/hold-offer.ts";
import { type Store, StoreUnavailable } from "../../src/ports/store.ts";
import type { TenantStore } from "../../src/ports/tenant-store.ts";
import type { LinkPlants } from "./link-plants.ts";
import type { Machine } from "./machine.ts";

/** The state of the store and of the connections to it. */
export interface StoreWeather {
  isDown: boolean;
  /** The share of statements whose sender does not learn the outcome. */
  unknownShare: number;
  /** About how long a statement is on its way, in ms. */
  typicalMs: number;
  /** Machines that cannot reach it. */
  readonly cutOff: Set<Machine>;
}

/**
 * Statements of a connection of their own, which is given up after a silence of a third of a lease. A silence on any
 * other connection is waited for two leases long. So it is with the real time-outs and the default lease.
 */
const LIFELINE_STATEMENTS: ReadonlySet<string> = new Set([
  "recordHeartbeat",
  "renewLeases",
  "releaseLeases",
  "releaseClaims",
]);

type Method = (params: never) => Promise<unknown>;

/** The store as one machine reaches it: over a connection that is slow, refuses, or breaks at any moment. */
export function linkStore(
  machine: Machine,
  store: Store,
  weather: StoreWeather,
  plants: LinkPlants,
  leaseDurationMs: number,
): Store {
  const { scheduler, random, name } = machine;
  /**
   * Whether the connection of lifelines (true), and the others, fell silent since the store last answered over them.
   */
  const hasFallenSilent = new Set<boolean>();

  function call(method: string, statement: () => Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (!machine.mayAct()) return;
      scheduler.trace(`${name} ${method}`);
      const answer = (settle: () => void): void =>
        void scheduler.after(random.delayMs(weather.typicalMs), `${name}<${method}`, () => machine.enter(settle));
      const refuse = (): void => answer(() => reject(new StoreUnavailable(`the store is away (${method})`)));
      const apply = (settle: (outcome: Promise<unknown>) => void): void =>
        void scheduler.after(random.delayMs(weather.typicalMs), `${name}>${method}`, () => settle(statement()));
      const isAway = (): boolean => weather.isDown || weather.cutOff.has(machine);

      if (isAway()) {
        // It is refused at once, or waited for in vain. The latter happens on an old connection only: a new one is
        // refused.
        const isOnLifeline = LIFELINE_STATEMENTS.has(method);
        const silenceMs = isOnLifeline ? leaseDurationMs / 3 : 2 * leaseDurationMs;
        const isSilent = random.chance(0.2) && !hasFallenSilent.has(isOnLifeline);
        if (isSilent) hasFallenSilent.add(isOnLifeline);
        return void scheduler.after(isSilent ? silenceMs : random.delayMs(5), `${name}!${method}`, refuse);
      }
      if (random.chance(weather.unknownShare)) {
        switch (random.whole(0, 2)) {
          case 0:
            return refuse();
          case 1:
            return apply((outcome) => void outcome.then(refuse, reject));
          default:
            // The connection broke, and the database executes the statement from its buffer later.
            refuse();
            return void scheduler.after(
              random.pick([5, 400, 4000]) * random.next(),
              `${name}?${method}`,
              () => void statement(),
            );
        }
      }
      apply((outcome) => {
        if (isAway()) return refuse();
        hasFallenSilent.delete(LIFELINE_STATEMENTS.has(method));
        outcome.then(
          (value) => answer(() => resolve(value)),
          (error: unknown) => answer(() => reject(error instanceof Error ? error : new Error(String(error)))),
        );
      });
    });
  }

  function link<Face extends object>(face: Face): Face {
    return new Proxy(face, {
      get(target, key) {
        const method = Reflect.get(target, key) as Method;
        return (params: never) => call(String(key), () => method(params));
      },
    });
  }

  const fleet = link<FleetStore>(store.fleet);
  const tenants = new Map<string, TenantStore>();
  return {
    fleet: {
      ...store.fleet,
      ...methodsOf(fleet, store.fleet),
      ...plants.reads(fleet),
      commit: (commit) => plants.commit(machine, commit, (one) => fleet.commit(one)),
    },
    forTenant(tenantId) {
      let tenant = tenants.get(tenantId);
      if (tenant === undefined) {
        const linked = link(store.forTenant(tenantId));
        const startRun: TenantStore["startRun"] = ({ offer = null, ...params }) =>
          linked.startRun({ ...params, offer: offer === null ? null : plannedBy(machine, offer) });
        tenants.set(tenantId, (tenant = { ...methodsOf(linked, store.forTenant(tenantId)), startRun }));
      }
      return tenant;
    },
    files: { ...methodsOf(link(store.files), store.files), name: store.files.name },
    check: async () => null,
    close: async () => {},
  };
}

/** A start is planned by the gateway, right before its statement goes. One that is frozen by then plans nothing. */
function plannedBy(machine: Machine, offer: StartOffer): StartOffer {
  const { gatewayId, claimNumber, leaseDurationMs } = offer;
  const begin: StartOffer["begin"] = (run) => (machine.isAlive ? offer.begin(run) : null);
  return { gatewayId, claimNumber, leaseDurationMs, begin, sent: () => offer.sent() };
}

function methodsOf<Face extends object>(proxy: Face, face: Face): Face {
  return Object.fromEntries(Object.keys(face).map((key) => [key, Reflect.get(proxy, key) as unknown])) as Face;
}
