import type { Quotas } from "@hsafa/protocol";
import { createAuthenticate, type Authenticate } from "./access/authenticate.ts";
import type { TokenSecrets } from "./access/browser-token.ts";
import { ASKERS_REMEMBERED_MAX, FILE_PLACES_MAX, PAIRING_TRIES_RATE } from "./access/limits.ts";
import { Places } from "./access/places.ts";
import type { ModelPrices } from "./core/priced-usage.ts";
import { RateLimits } from "./runtime/rate-limits.ts";
import { KeyUse } from "./access/key-use.ts";
import { Revocations } from "./access/revocations.ts";
import { createDeviceServer, type DeviceServer } from "./devices/device-server.ts";
import type { UseCaseDeps } from "./control/use-case-deps.ts";
import { Engine } from "./engine/engine.ts";
import { FileRoom } from "./engine/file-room.ts";
import { RUNS_HELD_MAX } from "./engine/limits.ts";
import { FollowHub } from "./follow/follow-hub.ts";
import { ThreadHub } from "./follow/thread-hub.ts";
import type { RingBounds } from "./follow/event-ring.ts";
import { StoreGeneration } from "./runtime/store-generation.ts";
import { TenantQuotas } from "./runtime/tenant-quotas.ts";
import type { Bell } from "./ports/bell.ts";
import type { Clock } from "./ports/clock.ts";
import type { FileStores } from "./ports/file-store.ts";
import type { JsonSchemas } from "./ports/json-schemas.ts";
import type { LinkedFiles } from "./ports/linked-files.ts";
import type { LiveLog } from "./ports/live-log.ts";
import type { Log } from "./ports/log.ts";
import type { MediaTypes } from "./ports/media-types.ts";
import type { Model } from "./ports/model.ts";
import type { SecretBox } from "./ports/secret-box.ts";
import type { ServerTools } from "./ports/server-tools.ts";
import type { Store } from "./ports/store.ts";
import { LoopTurns } from "./runtime/loop-turns.ts";

/** The ports of one gateway. The caller closes them, after the gateway has stopped. */
export interface Ports {
  readonly store: Store;
  readonly liveLog: LiveLog;
  readonly bell: Bell;
  readonly clock: Clock;
  readonly model: Model;
  readonly serverTools: ServerTools;
  readonly schemas: JsonSchemas;
  readonly secretBox: SecretBox;
  readonly files: FileStores;
  readonly mediaTypes: MediaTypes;
  readonly linkedFiles: LinkedFiles;
  readonly log: Log;
}

/** The settings of a gateway that are no vendor's. */
export interface AssembleSettings {
  readonly leaseDurationMs: number;
  /** Whether no other gateway can work on this store. */
  readonly isOnlyGateway: boolean;
  /** Sign and check browser tokens. All gateways of a fleet have the same. */
  readonly tokenSecrets: TokenSecrets;
  /** How many runs the gateway may hold at once; `RUNS_HELD_MAX` if left out. */
  readonly runsHeldMax?: number;
  /** What a tenant may have, unless an operator set otherwise; if left out: as much as it likes. */
  readonly quotas?: Quotas;
  /** What models cost; if left out: no price is known. */
  readonly prices?: ModelPrices;
  /** The hash of the operator's key, who may set the limits of tenants; if left out: there is none. */
  readonly operatorKeyHash?: string | null;
  /** How many bytes of recent events the follow hub keeps; `RING_BOUNDS` if left out. */
  readonly ringBounds?: RingBounds;
}

/** What a gateway has in hand now, for metrics. */
export interface GatewayCounts {
  readonly runsHeld: number;
  readonly devices: number;
  readonly watchers: number;
  readonly followedRuns: number;
  readonly bufferedBytes: number;
  /** Since its start: runs that it claimed, and those of them whose lease another gateway had lost. */
  readonly claimedRuns: number;
  readonly recoveredRuns: number;
}

/** A gateway without sockets. The edge connects clients to its parts. */
export interface AssembledGateway {
  readonly gatewayId: string;
  readonly authenticate: Authenticate;
  /** What use cases are called with. */
  readonly useCases: UseCaseDeps;
  readonly hub: FollowHub;
  readonly threads: ThreadHub;
  readonly devices: DeviceServer;
  /** Shares the event loop between tenants. The edge takes turns for what clients send. */
  readonly turns: LoopTurns;
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
 * 5. What was revoked is known before the first credential is checked.
 */
export function assemble(ports: Ports, settings: AssembleSettings): AssembledGateway {
  const { store, liveLog, bell, clock, schemas, secretBox, files, mediaTypes, linkedFiles, log } = ports;
  const { tokenSecrets, ringBounds } = settings;
  const gatewayId = clock.newId();
  const { operatorKeyHash = null, prices = new Map() } = settings;
  const keyParts = { fleet: store.fleet, bell, clock, log };
  const revocations = new Revocations(keyParts);
  const keyUse = new KeyUse(keyParts);
  const credentials = { tokenSecrets, operatorKeyHash, revocations, keyUse };
  const authenticate = createAuthenticate({ fleet: store.fleet, ...credentials, clock });
  const quotas = new TenantQuotas({ defaults: settings.quotas ?? null, store, clock });
  const generation = new StoreGeneration({
    fleet: store.fleet,
    log,
    leave: () => engine.dropLostRuns(),
    enter: (present) => {
      liveLog.enter(present.tag);
      hub.enter();
    },
  });
  const hub: FollowHub = new FollowHub({
    store,
    generation,
    liveLog,
    clock,
    log,
    ...(ringBounds === undefined ? {} : { ringBounds }),
  });
  const threads = new ThreadHub({ fleet: store.fleet, bell, clock, log });
  const turns = new LoopTurns(clock);
  const engine: Engine = new Engine({
    ...ports,
    generation,
    revocations,
    gatewayId,
    leaseDurationMs: settings.leaseDurationMs,
    runsHeldMax: settings.runsHeldMax ?? RUNS_HELD_MAX,
    isOnlyGateway: settings.isOnlyGateway,
    store: store.fleet,
    localFeed: hub,
    turns,
    quotas,
    prices,
    fileLoading: { tenantFiles: (tenantId) => store.forTenant(tenantId), files, room: new FileRoom() },
  });
  const filePlaces = new Places({ placesMax: FILE_PLACES_MAX, what: "files on their way" });
  const pairingTries = new RateLimits({ rate: PAIRING_TRIES_RATE, keysMax: ASKERS_REMEMBERED_MAX, clock });
  const devices = createDeviceServer({ ...ports, uptake: engine.uptake, gatewayId, authenticate, quotas });

  return {
    gatewayId,
    authenticate,
    useCases: {
      store,
      bell,
      uptake: engine.uptake,
      clock,
      turns,
      schemas,
      secretBox,
      tokenSecrets,
      quotas,
      prices,
      generation,
      pairingTries,
      files,
      filePlaces,
      mediaTypes,
      linkedFiles,
    },
    hub,
    threads,
    devices,
    turns,
    counts: () => ({ runsHeld: engine.runsHeld, devices: devices.sessions, ...hub.counts(), ...engine.claimCounts }),
    async start({ listen }) {
      await revocations.read(); // 5.
      await generation.heard(await store.fleet.recordHeartbeat({ gatewayId, stopping: false })); // 1.
      try {
        await listen();
      } catch (error) {
        await store.fleet.recordHeartbeat({ gatewayId, stopping: true });
        throw error;
      }
      revocations.start();
      keyUse.start();
      devices.start();
      engine.start(); // 2.
    },
    async stop({ drainMs }) {
      await engine.stop({ drainMs }); // 3.
      hub.close(); // 4.
      await Promise.all([threads.close(), devices.close()]);
      await Promise.all([revocations.stop(), keyUse.stop()]);
    },
  };
}
