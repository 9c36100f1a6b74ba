import { expect, onTestFinished } from "vitest";
import type { Authenticate } from "../../src/access/authenticate.ts";
import { refuse } from "../../src/access/refusal.ts";
import { createMemoryBell } from "../../src/adapters/memory/memory-bell.ts";
import { createDeviceServer, type DeviceServer } from "../../src/devices/device-server.ts";
import type { Bell, Ring } from "../../src/ports/bell.ts";
import type { LiveLog, TenantLiveLog } from "../../src/ports/live-log.ts";
import type { Log } from "../../src/ports/log.ts";
import { StoreUnavailable } from "../../src/ports/store.ts";
import { DeviceRows } from "./device-rows.ts";
import { NO_UPTAKE } from "./no-uptake.ts";
import { NO_QUOTAS } from "./no-quotas.ts";
import { recordingLog } from "./recording-log.ts";
import { ManualClock } from "./manual-clock.ts";
import { asTenantId } from "../../src/core/tenant-id.ts";

/** A device server over a store in memory, without sockets. */
export interface DeviceWorld {
  readonly rows: DeviceRows;
  readonly clock: ManualClock;
  readonly bell: Bell;
  readonly rings: readonly Ring[];
  /** The progress that reached the run's watchers, as JSON. */
  readonly progress: readonly string[];
  readonly log: Log & { readonly errors: string[] };
  readonly devices: DeviceServer;
}

/**
 * Returns a device server that has been started. At the end of the test it is closed, and must have logged no error.
 */
export function startDeviceWorld(): DeviceWorld {
  const rows = new DeviceRows();
  const clock = new ManualClock();
  const log = recordingLog();
  const bell = createMemoryBell({ log });
  const rings: Ring[] = [];
  bell.listen((ring) => rings.push(ring));
  const progress: string[] = [];
  const tenantLog: Pick<TenantLiveLog, "sendProgress"> = { sendProgress: ({ json }) => void progress.push(json) };
  const liveLog = { forTenant: () => tenantLog };
  const devices = createDeviceServer({
    gatewayId: "gateway-1",
    authenticate: authenticateBy(clock),
    store: rows.store,
    liveLog: liveLog as unknown as LiveLog,
    bell,
    clock,
    log,
    quotas: NO_QUOTAS,
    uptake: NO_UPTAKE,
    schemas: {
      findFaults: async ({ schemas }) =>
        schemas.map(({ type }) => (type === "objekt" ? "/type must be one of the allowed types" : null)),
    },
  });
  devices.start();
  onTestFinished(async () => {
    await devices.close();
    expect(log.errors).toEqual([]);
  });
  return { rows, clock, bell, rings, progress, log, devices };
}

/**
 * Credentials of tests: a name, a tenant, and in how many milliseconds it expires. `bad` is unknown, `away` meets a
 * store that is away, `reader` lacks the scope of devices, `bound` names the device `laptop`, `enroller` must be
 * paired.
 */
function authenticateBy(clock: ManualClock): Authenticate {
  return async (credential) => {
    const [name, tenantId = "tenant-1", expiresInMs] = credential.split(" ");
    if (name === "bad") return refuse("unauthenticated", "The API key is unknown or was revoked.");
    if (name === "away") throw new StoreUnavailable("away");
    const bound = name === "bound" ? { deviceKey: "laptop" } : {};
    const expiry = expiresInMs === undefined ? {} : { expiresAt: clock.now() + Number(expiresInMs) };
    const scopesOf = { reader: "runs:read", enroller: "devices:enroll" } as const;
    const scopes = [name === "reader" || name === "enroller" ? scopesOf[name] : "devices:connect"] as const;
    const kind = name === "bound" ? "token" : "api_key";
    const principal = {
      kind,
      keyId: "key-1",
      tenantId: asTenantId(tenantId),
      name: "test",
      scopes,
      ...bound,
      ...expiry,
    } as const;
    return { kind: "authenticated", principal };
  };
}

/** A call id that can be recognised in a failure. */
export function callIdOf(name: string): string {
  return `0199c8f0-0000-7000-8000-${Buffer.from(name).toString("hex").padStart(12, "0").slice(-12)}`;
}
