import type { Quotas } from "@hsafa/protocol";
import { fileStores } from "../../src/ports/file-store.ts";
import { knowsNoFile, noLinkedFiles } from "../support/file-ports.ts";
import { tokenSecrets } from "../../src/access/browser-token.ts";
import { type AssembledGateway, assemble } from "../../src/assemble.ts";
import { openDeviceSocket } from "../../src/edge/device/open-device-socket.ts";
import { openWatchSocket } from "../../src/edge/watch/open-watch-socket.ts";
import type { MessageTransport } from "../../src/edge/socket/message-transport.ts";
import type { RingBounds } from "../../src/follow/event-ring.ts";
import type { ModelPrices } from "../../src/core/priced-usage.ts";
import type { Bell } from "../../src/ports/bell.ts";
import type { JsonSchemas } from "../../src/ports/json-schemas.ts";
import type { LiveLog } from "../../src/ports/live-log.ts";
import type { Log } from "../../src/ports/log.ts";
import type { Model } from "../../src/ports/model.ts";
import type { ServerTools } from "../../src/ports/server-tools.ts";
import { type Store, StoreUnavailable } from "../../src/ports/store.ts";
import type { DevicePlants } from "./device-plants.ts";
import type { Machine } from "./machine.ts";
import type { Recorder } from "./recorder.ts";
import { type Provider, scriptedModel } from "./scripted-model.ts";
import { DRIPPING_TOOL } from "./siege.ts";
import type { StallStep } from "./stalling-run.ts";
import { noSecretBox } from "../support/no-secrets.ts";

/** After how long a gateway that could not start tries again, in virtual ms. */
const RESTART_MS = 200;
const DRAIN_MS = 500;

export interface SimulatedGatewayParams {
  readonly machine: Machine;
  readonly store: Store;
  readonly liveLog: LiveLog;
  readonly bell: Bell;
  readonly provider: Provider;
  readonly recorder: Recorder;
  readonly leaseDurationMs: number;
  readonly ringBounds: RingBounds | null;
  readonly plants: DevicePlants;
  /** What it knows of prices. */
  readonly prices: ModelPrices;
  /** What tenants may have; null: they have no quotas. */
  readonly quotas: Quotas | null;
  /** Its places; null: as many as a real one has. */
  readonly runsHeldMax: number | null;
  /** Puts another model before its own, for runs that are not of the simulated tenant. */
  readonly modelOf: (model: Model) => Model;
  /** What keeps its event loop in some steps; null: nothing. */
  readonly stall: StallStep | null;
  readonly schemas: JsonSchemas;
  /** A bug of its watch sockets, if one is planted there. */
  readonly watchPlant: (transport: MessageTransport) => MessageTransport;
}

/** The production gateway on one simulated machine: `assemble` over simulated ports, and the bodies of its sockets. */
export class SimulatedGateway {
  readonly machine: Machine;
  readonly assembled: AssembledGateway;
  readonly #recorder: Recorder;
  readonly #plants: DevicePlants;
  readonly #watchPlant: SimulatedGatewayParams["watchPlant"];
  readonly #log: Log;
  #phase: "starting" | "serving" | "stopping" = "starting";

  constructor(params: SimulatedGatewayParams) {
    const { machine, store, liveLog, bell, provider, recorder, leaseDurationMs, ringBounds, plants } = params;
    this.machine = machine;
    this.#recorder = recorder;
    this.#plants = plants;
    this.#watchPlant = params.watchPlant;
    this.#log = bugLog(recorder);
    this.assembled = assemble(
      {
        store: plants.store(store),
        liveLog,
        bell: plants.bell(bell),
        clock: machine.clock,
        model: params.modelOf(scriptedModel(machine, provider, recorder, params.stall)),
        serverTools: serverTools(machine, recorder),
        schemas: params.schemas,
        secretBox: noSecretBox,
        files: fileStores(store.files),
        mediaTypes: knowsNoFile,
        linkedFiles: noLinkedFiles,
        log: this.#log,
      },
      {
        leaseDurationMs,
        isOnlyGateway: false,
        tokenSecrets: tokenSecrets(new Uint8Array()),
        prices: params.prices,
        ...(params.quotas === null ? {} : { quotas: params.quotas }),
        ...(ringBounds === null ? {} : { ringBounds }),
        ...(params.runsHeldMax === null ? {} : { runsHeldMax: params.runsHeldMax }),
      },
    );
  }

  get gatewayId(): string {
    return this.assembled.gatewayId;
  }

  /** Whether clients can reach it. One that stops still answers on the connections that it has. */
  get isServing(): boolean {
    return this.#phase !== "starting" && !this.machine.isDead;
  }

  get runsHeld(): number {
    return this.assembled.counts().runsHeld;
  }

  /** Starts it. While its database is away it cannot start, and its supervisor tries again. */
  start(): void {
    if (this.#phase !== "starting") return;
    this.machine.enter(() => {
      this.assembled.start({ listen: async () => this.#listen() }).catch((error: unknown) => {
        if (!(error instanceof StoreUnavailable)) return this.#recorder.fail("bug", errorText(error));
        this.machine.scheduler.after(RESTART_MS, "mend", () => this.start());
      });
    });
  }

  #listen(): void {
    if (this.#phase === "starting") this.#phase = "serving";
  }

  /** As SIGTERM does: its process ends when it has stopped. */
  stop(): void {
    // Nobody handles the signal yet.
    if (this.#phase === "starting") return this.machine.kill();
    this.machine.enter(() => {
      this.#phase = "stopping";
      void this.assembled.stop({ drainMs: DRAIN_MS }).then(() => this.machine.kill());
    });
  }

  /** Takes the connection of a client that watches runs. Returns false if it takes none any more. */
  acceptWatcher(transport: MessageTransport): boolean {
    if (this.#phase !== "serving") return false;
    const { authenticate, hub, threads, turns, useCases } = this.assembled;
    const { clock } = this.machine;
    const { store } = useCases;
    const deps = {
      authenticate,
      hub,
      threads,
      store,
      clock,
      turns,
      log: this.#log,
      later: queueMicrotask,
      takePlace: () => null,
    };
    openWatchSocket(this.#watchPlant(transport), deps);
    return true;
  }

  /** Takes a device's connection. Returns false if it takes none any more. */
  acceptDevice(transport: MessageTransport): boolean {
    if (this.#phase !== "serving") return false;
    const { devices, turns } = this.assembled;
    const parts = this.#plants.connection({ transport, devices, clock: this.machine.clock });
    openDeviceSocket(parts.transport, {
      ...parts,
      turns,
      log: this.#log,
      later: queueMicrotask,
      takePlace: () => null,
      from: "10.0.0.1",
    });
    return true;
  }
}

/** Functions that take their time. A call counts as executed when its function begins. */
function serverTools(machine: Machine, recorder: Recorder): ServerTools {
  return {
    perform({ toolName, idempotencyKey, signal }) {
      return new Promise((resolve) => {
        if (!machine.mayAct()) return;
        machine.scheduler.trace(`${machine.name} performs ${toolName}`);
        recorder.executed(idempotencyKey);
        if (toolName === DRIPPING_TOOL) return;
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

/** Takes every error for a bug: a gateway logs as an error only what should not happen. */
function bugLog(recorder: Recorder): Log {
  return {
    debug() {},
    info() {},
    warn() {},
    error: (fields, message) => recorder.fail("bug", `${message}: ${"err" in fields ? errorText(fields.err) : ""}`),
  };
}

function errorText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
