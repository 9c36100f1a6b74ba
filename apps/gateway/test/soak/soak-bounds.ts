import type { Sample } from "./flat-verdict.ts";
import type { Measured } from "./soak-target.ts";

const MIB = 1024 ** 2;

/**
 * How much each series may rise over the time that counts. A gateway without a leak gains
 * less: by compiled code, by caches that are not full yet, and by what the collector leaves.
 */
const GATEWAY_BOUNDS = {
  heapBytes: 8 * MIB,
  externalBytes: 8 * MIB,
  /** The system's allocator gives little back, so it wavers most. */
  residentBytes: 64 * MIB,
  handles: 4,
  sockets: 4,
  timers: 4,
} as const;

const SERVICE_BOUNDS = { postgresConnections: 4, redisConnections: 2, redisKeys: 50, redisBytes: 4 * MIB } as const;

/** Returns the bounds of all series of so many gateways. */
export function soakBounds(gateways: number, hasServices: boolean): Readonly<Record<string, number>> {
  const ofGateways = Array.from({ length: gateways }, (_, index) =>
    Object.entries(GATEWAY_BOUNDS).map(([name, bound]): [string, number] => [seriesOf(name, index, gateways), bound]),
  );
  return Object.fromEntries([...ofGateways.flat(), ...(hasServices ? Object.entries(SERVICE_BOUNDS) : [])]);
}

/** Returns what was measured as one sample of these series. */
export function soakSample(atMs: number, { gateways, services }: Measured): Sample {
  const values: Record<string, number> = { ...services };
  for (const [index, held] of gateways.entries()) {
    const { heapUsed, external, rss, handles, sockets, timers } = held;
    const named = { heapBytes: heapUsed, externalBytes: external, residentBytes: rss, handles, sockets, timers };
    for (const [name, value] of Object.entries(named)) values[seriesOf(name, index, gateways.length)] = value;
  }
  return { atMs, values };
}

function seriesOf(name: string, index: number, gateways: number): string {
  return gateways === 1 ? name : `${name} of gateway ${index + 1}`;
}
