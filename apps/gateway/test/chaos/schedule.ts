import type { DeviceWorker, Stage } from "./stage.ts";
import * as faults from "./faults.ts";
import type { GatewayProcess } from "./gateway-process.ts";
import type { LinkMode } from "./link.ts";

/** Draws for one fault of the chosen kind. The rarest comes within a few hundred. */
const DRAWS_MAX = 10_000;

/** One fault: the things that it needs for itself, and what it does. */
interface Fault {
  readonly name: string;
  /** Two faults that need the same key do not overlap. */
  readonly needs: readonly string[];
  perform(): Promise<void>;
}

export interface ScheduleParams {
  readonly stage: Stage;
  readonly journal: faults.Journal;
  readonly random: () => number;
  readonly leaseMs: number;
  /** Only faults whose names contain this. */
  readonly only: string;
  /** Faults in all; fewer if `until` aborts before. */
  readonly faultsMax: number;
  /** The mean time between two faults, in milliseconds. */
  readonly everyMs: number;
  readonly until: AbortSignal;
  readonly onFault: (name: string) => void;
}

/**
 * Performs seeded faults, several at once if they need different things. Resolves when all of them are over, and
 * returns how many there were of each kind.
 */
export async function performSchedule(params: ScheduleParams): Promise<ReadonlyMap<string, number>> {
  const { random, faultsMax, everyMs, until, onFault } = params;
  const counts = new Map<string, number>();
  const busy = new Set<string>();
  const underWay = new Set<Promise<void>>();
  for (let done = 0; done < faultsMax && !until.aborted; ) {
    // Drawn even if it cannot begin now, so that the dice do not depend on how long faults take.
    const fault = drawFaultOf(params, params.only);
    const pauseMs = everyMs * (0.25 + 1.5 * random());
    if (fault.needs.every((need) => !busy.has(need))) {
      done += 1;
      counts.set(fault.name, (counts.get(fault.name) ?? 0) + 1);
      onFault(fault.name);
      for (const need of fault.needs) busy.add(need);
      const task = fault.perform().finally(() => {
        for (const need of fault.needs) busy.delete(need);
        underWay.delete(task);
      });
      underWay.add(task);
    }
    await pause(pauseMs, until);
  }
  await Promise.all(underWay);
  return counts;
}

function drawFaultOf(params: ScheduleParams, only: string): Fault {
  const others = new Set<string>();
  for (let draws = 0; draws < DRAWS_MAX; draws += 1) {
    const fault = drawFault(params);
    if (fault.name.includes(only)) return fault;
    others.add(fault.name);
  }
  throw new Error(`No fault's name contains '${only}'; there are: ${[...others].toSorted().join(", ")}.`);
}

function drawFault({ stage, journal, random, leaseMs }: ScheduleParams): Fault {
  const between = (from: number, to: number): number => from + random() * (to - from);
  const index = Math.floor(random() * stage.gateways.length);
  const gateway = of<GatewayProcess>(stage.gateways, index);
  const device = of<DeviceWorker>(stage.deviceWorkers, Math.floor(random() * stage.deviceWorkers.length));
  const awayMs = between(0, 2000);
  const mode = of<LinkMode>(
    [{ kind: "cut" }, { kind: "delay", delayMs: between(20, 300) }, { kind: "hang" }],
    Math.floor(random() * 3),
  );
  const forMs = mode.kind === "cut" ? between(0, 1500) : between(300, 3000);
  const process = `gateway ${index}`;

  function spoilt(what: string, link: Parameters<typeof faults.spoilLink>[0], at: number): Fault {
    return {
      name: `${mode.kind} ${what}`,
      needs: [`${what} ${index}`],
      perform() {
        if (what === "gateway-Postgres") journal.mayCostLeases.push(Date.now());
        return faults.spoilLink(link, at, mode, { forMs });
      },
    };
  }

  const all: readonly (readonly [weight: number, fault: Fault])[] = [
    [
      14,
      {
        name: "kill -9 gateway",
        needs: [process],
        perform: () => faults.killGateway(stage, journal, gateway, { awayMs }),
      },
    ],
    [10, { name: "SIGTERM gateway", needs: [process], perform: () => faults.restartGateway(stage, journal, gateway) }],
    [
      12,
      {
        name: "freeze gateway",
        needs: [process],
        perform: () => faults.freezeGateway(journal, gateway, { frozenMs: between(0.2, 2) * leaseMs, leaseMs }),
      },
    ],
    [8, { name: "flush Redis", needs: [], perform: () => faults.flushRedis(stage) }],
    [4, { name: "restart Redis", needs: ["Redis"], perform: () => faults.stopRedis(stage, journal, { awayMs: 0 }) }],
    [
      4,
      {
        name: "outage of Redis",
        needs: ["Redis"],
        perform: () => faults.stopRedis(stage, journal, { awayMs: 500 + awayMs * 2 }),
      },
    ],
    [
      4,
      {
        name: "freeze Redis",
        needs: ["Redis"],
        perform: () => faults.freezeRedis(stage, journal, { frozenMs: 300 + awayMs * 2 }),
      },
    ],
    [
      3,
      {
        name: "restart Postgres (fast)",
        needs: ["Postgres"],
        perform: () => faults.restartPostgres(stage, journal, "fast", { awayMs: awayMs / 2 }),
      },
    ],
    [
      3,
      {
        name: "restart Postgres (immediate)",
        needs: ["Postgres"],
        perform: () => faults.restartPostgres(stage, journal, "immediate", { awayMs: awayMs / 2 }),
      },
    ],
    [
      3,
      {
        name: "freeze Postgres",
        needs: ["Postgres"],
        perform: () => faults.freezePostgres(stage, journal, { frozenMs: between(0.3, 3) * leaseMs }),
      },
    ],
    [9, spoilt("gateway-Postgres", of<Parameters<typeof faults.spoilLink>[0]>(stage.links.toPostgres, index), 0)],
    [9, spoilt("gateway-Redis", of<Parameters<typeof faults.spoilLink>[0]>(stage.links.toRedis, index), 0)],
    [8, spoilt("watcher-gateway", stage.links.watchers, index)],
    [8, spoilt("device-gateway", stage.links.devices, index)],
    [
      4,
      {
        name: "kill -9 devices",
        needs: [device.deviceKeys.join()],
        perform: () => faults.killDevices(device),
      },
    ],
  ];
  let draw = random() * all.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, fault] of all) {
    draw -= weight;
    if (draw < 0) return fault;
  }
  return of(all, 0)[1];
}

function of<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new Error(`there is no item ${index} of ${list.length}`);
  return item;
}

function pause(ms: number, until: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      until.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    until.addEventListener("abort", end);
    if (until.aborted) end();
  });
}
