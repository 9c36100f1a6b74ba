import { createAuthenticate, type Authenticate } from "./access/authenticate.ts";
import { createDeviceServer, type DeviceServer } from "./devices/device-server.ts";
import type { UseCaseDeps } from "./control/use-case-deps.ts";
import { Engine } from "./engine/engine.ts";
import { FollowHub } from "./follow/follow-hub.ts";
import type { RingBounds } from "./follow/event-ring.ts";
import type { Bell } from "./ports/bell.ts";
import type { Clock } from "./ports/clock.ts";
import type { JsonSchemas } from "./ports/json-schemas.ts";
import type { LiveLog } from "./ports/live-log.ts";
import type { Log } from "./ports/log.ts";
import type { Model } from "./ports/model.ts";
import type { ServerTools } from "./ports/server-tools.ts";
import type { Store } from "./ports/store.ts";

/** The ports of one gateway. The caller closes them, after the gateway has stopped. */
export interface Ports {
  readonly store: Store;
  readonly liveLog: LiveLog;
  readonly bell: Bell;
  readonly clock: Clock;
  readonly model: Model;
  readonly serverTools: ServerTools;
  readonly schemas: JsonSchemas;
  readonly log: Log;
}

/** The settings of a gateway that are no vendor's. */
export interface AssembleSettings {
  readonly leaseDurationMs: number;
  /** Whether no other gateway can work on this store. */
  readonly isOnlyGateway: boolean;
  /** Signs browser tokens. All gateways of a fleet have the same. */
  readonly tokenSecret: Uint8Array;
  /** How many bytes of recent events the follow hub keeps; `RING_BOUNDS` if left out. */
  readonly ringBounds?: RingBounds;
}

/** What a gateway has in hand now, for metrics. */
export interface GatewayCounts {
  readonly runsHeld: number;
  readonly watchers: number;
  readonly followedRuns: number;
  readonly bufferedBytes: number;
}

/** A gateway without sockets. The edge connects clients to its parts. */
export interface AssembledGateway {
  readonly gatewayId: string;
  readonly authenticate: Authenticate;
  /** What use cases are called with. */
  readonly useCases: UseCaseDeps;
  readonly hub: FollowHub;
  readonly devices: DeviceServer;
  counts(): GatewayCounts;
  /**
   * Starts it. `listen` opens it to clients. Rejects with what `listen` throws, and with `StoreUnavailable`; then
   * nothing has begun.
   */
  start(params: { readonly listen: () => Promise<void> }): Promise<void>;
  /**
   * Stops it; call it once clients can begin nothing more. Steps in progress may finish for `drainMs`; then their runs
   * are handed over. Resolves when nothing is under way any more.
   */
  stop(params: { readonly drainMs: number }): Promise<void>;
}

/**
 * Wires a gateway from its ports. It knows no vendor and no socket: a program gives it adapters and an edge, a
 * simulation gives it simulated ones.
 *
 * 1. The store knows the gateway before a client can reach it: a device session names its gateway.
 * 2. The engine begins last, so that a gateway which cannot listen claims no run.
 * 3. The engine stops first: while it drains, watchers see what its steps say and devices bring their results.
 * 4. Then watchers and devices are told to go elsewhere, and the sessions of the devices end in the store.
 */
export function assemble(ports: Ports, settings: AssembleSettings): AssembledGateway {
  const { store, liveLog, bell, clock, schemas, log } = ports;
  const { tokenSecret, ringBounds } = settings;
  const gatewayId = clock.newId();
  const authenticate = createAuthenticate({ fleet: store.fleet, tokenSecret, clock });
  const hub = new FollowHub({
    store,
    liveLog,
    clock,
    log,
    ...(ringBounds === undefined ? {} : { ringBounds }),
  });
  const engine = new Engine({
    ...ports,
    gatewayId,
    leaseDurationMs: settings.leaseDurationMs,
    isOnlyGateway: settings.isOnlyGateway,
    store: store.fleet,
    localFeed: hub,
  });
  const devices = createDeviceServer({ ...ports, gatewayId, authenticate });

  return {
    gatewayId,
    authenticate,
    useCases: { store, bell, clock, schemas, tokenSecret },
    hub,
    devices,
    counts: () => ({ runsHeld: engine.runsHeld, ...hub.counts() }),
    async start({ listen }) {
      await store.fleet.recordHeartbeat({ gatewayId, stopping: false }); // 1.
      try {
        await listen();
      } catch (error) {
        await store.fleet.recordHeartbeat({ gatewayId, stopping: true });
        throw error;
      }
      devices.start();
      engine.start(); // 2.
    },
    async stop({ drainMs }) {
      await engine.stop({ drainMs }); // 3.
      hub.close(); // 4.
      await devices.close();
    },
  };
}
