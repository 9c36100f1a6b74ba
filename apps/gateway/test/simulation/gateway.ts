import { FollowHub } from "../../src/follow/follow-hub.ts";
import type { RingBounds } from "../../src/follow/event-ring.ts";
import type { Principal } from "../../src/access/principal.ts";
import { Engine } from "../../src/engine/engine.ts";
import type { Bell } from "../../src/ports/bell.ts";
import type { LiveLog } from "../../src/ports/live-log.ts";
import type { Log } from "../../src/ports/log.ts";
import type { ServerTools } from "../../src/ports/server-tools.ts";
import type { Store } from "../../src/ports/store.ts";
import { createDevicePlane, type SimulatedDevicePlane } from "./device-plane.ts";
import { observeFollowing } from "./follow-observed.ts";
import type { Machine } from "./machine.ts";
import type { Plant } from "./plants.ts";
import type { Recorder } from "./recorder.ts";
import { type Provider, scriptedModel } from "./scripted-model.ts";

/** A gateway as `gateway.ts` wires it, less its sockets. */
export interface SimulatedGateway {
  readonly gatewayId: string;
  readonly machine: Machine;
  readonly store: Store;
  readonly bell: Bell;
  readonly hub: FollowHub;
  readonly devices: SimulatedDevicePlane;
  runsHeld(): number;
  /** As SIGTERM does. */
  stop(): Promise<void>;
}

export function startGateway(deps: {
  readonly machine: Machine;
  readonly principal: Principal;
  readonly store: Store;
  readonly liveLog: LiveLog;
  readonly bell: Bell;
  readonly provider: Provider;
  readonly recorder: Recorder;
  readonly leaseDurationMs: number;
  readonly ringBounds: RingBounds | null;
  readonly plant: Plant | null;
}): SimulatedGateway {
  const { machine, store, liveLog, bell, provider, recorder, leaseDurationMs, plant } = deps;
  const { clock } = machine;
  const gatewayId = clock.newId();
  const hub = new FollowHub({
    ...observeFollowing({ store, liveLog, recorder, plant }),
    clock,
    ...(deps.ringBounds === null ? {} : { ringBounds: deps.ringBounds }),
    log: bugLog(recorder),
  });
  const engine = new Engine({
    gatewayId,
    leaseDurationMs,
    isOnlyGateway: false,
    store: store.fleet,
    liveLog,
    bell,
    localFeed: hub,
    clock,
    model: scriptedModel(machine, provider, recorder),
    serverTools: serverTools(machine, recorder),
    schemas: { check: () => null, validate: () => null },
    log: bugLog(recorder),
  });
  const devices = createDevicePlane({ ...deps, gatewayId });
  // The first beat registers the gateway before a device can connect; if the store is away, the engine's own beats do.
  store.fleet.recordHeartbeat({ gatewayId, stopping: false }).catch(() => {});
  devices.start();
  engine.start();
  return {
    gatewayId,
    machine,
    store,
    bell,
    hub,
    devices,
    runsHeld: () => engine.runsHeld,
    async stop() {
      await engine.stop({ drainMs: 500 });
      hub.close();
      await devices.close();
    },
  };
}

/** Functions that take their time; whoever begins one has done it. */
function serverTools(machine: Machine, recorder: Recorder): ServerTools {
  return {
    perform({ toolName, idempotencyKey, signal }) {
      return new Promise((resolve) => {
        if (!machine.mayAct()) return;
        machine.scheduler.trace(`${machine.name} performs ${toolName}`);
        recorder.executed(idempotencyKey);
        const forget = machine.clock.after(machine.random.delayMs(200), () =>
          resolve(
            machine.random.chance(0.1)
              ? { kind: "failed", error: { code: "tool_error", message: "as it happens" } }
              : { kind: "completed", result: { of: idempotencyKey } },
          ),
        );
        signal.addEventListener("abort", forget, { once: true });
      });
    },
  };
}

function bugLog(recorder: Recorder): Log {
  return {
    debug() {},
    info() {},
    warn() {},
    error: (fields, message) => recorder.fail("bug", `${message}: ${"err" in fields ? text(fields.err) : ""}`),
  };
}

function text(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
