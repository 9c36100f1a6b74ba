import { type DeviceMessage, type DeviceRegister, type ErrorCode, ERRORS } from "@hsafa/protocol";
import { admit } from "../access/admit.ts";
import type { Authenticate } from "../access/authenticate.ts";
import type { Principal } from "../access/principal.ts";
import { refuse } from "../access/refusal.ts";
import type { Clock } from "../ports/clock.ts";
import type { JsonSchemas } from "../ports/json-schemas.ts";
import type { LiveLog } from "../ports/live-log.ts";
import { type Store, StoreUnavailable } from "../ports/store.ts";
import type { TenantQuotas } from "../runtime/tenant-quotas.ts";
import type { DeviceDispatch } from "./device-dispatch.ts";
import { createDeviceProgress } from "./device-progress.ts";
import { deviceRequirement, registerDevice } from "./device-registration.ts";
import type { DeviceSession } from "./device-session.ts";
import type { DeviceSocket } from "./device-socket.ts";
import { DEVICE_HEARTBEAT_MS } from "./limits.ts";
import type { RegistrationBatches } from "./registration-batches.ts";
import { renewalFault } from "./renewal-fault.ts";
import type { SessionCloser } from "./session-closer.ts";
import type { ToolResults } from "./tool-results.ts";
import { claimOf, type DeviceClaim } from "./untrusted-claim.ts";

export interface DeviceConnectionDeps {
  readonly gatewayId: string;
  readonly authenticate: Authenticate;
  readonly store: Store;
  readonly registrations: RegistrationBatches;
  readonly liveLog: LiveLog;
  readonly clock: Clock;
  readonly dispatch: DeviceDispatch;
  readonly results: ToolResults;
  readonly closer: SessionCloser;
  readonly schemas: Pick<JsonSchemas, "findFaults">;
  readonly quotas: TenantQuotas;
}

type Phase =
  | { readonly kind: "unregistered" }
  | {
      readonly kind: "registered";
      readonly session: DeviceSession;
      /** The credential that registered the device, and what the device claimed then. */
      readonly opened: Principal;
      readonly claim: DeviceClaim;
      readonly report: ReturnType<typeof createDeviceProgress>;
    }
  | { readonly kind: "ended" };

type Registered = Extract<Phase, { kind: "registered" }>;

/** What the messages of one device mean. It knows nothing of how they travel. */
export class DeviceConnection {
  readonly #socket: DeviceSocket;
  readonly #deps: DeviceConnectionDeps;
  #phase: Phase = { kind: "unregistered" };

  constructor(socket: DeviceSocket, deps: DeviceConnectionDeps) {
    this.#socket = socket;
    this.#deps = deps;
  }

  /** Handles one message. The caller hands over the next one when this one has been handled. */
  async handle(message: DeviceMessage): Promise<void> {
    const phase = this.#phase;
    switch (phase.kind) {
      case "unregistered":
        return message.type === "device.register"
          ? this.#register(message)
          : this.#socket.fault("The first message must be device.register.");
      case "registered":
        return this.#handleRegistered(phase, message);
      case "ended":
        return;
      default:
        phase satisfies never;
    }
  }

  /** The socket calls this once, when the device was heard after its admission. */
  confirmed(): void {
    if (this.#phase.kind !== "registered") return;
    const { session } = this.#phase;
    session.confirmation = "heard";
    this.#deps.dispatch.look(session);
  }

  /** The socket calls this once, when the connection ends for whatever reason. It ends the session in the store. */
  ended(reason: string): void {
    const phase = this.#phase;
    this.#phase = { kind: "ended" };
    if (phase.kind !== "registered") return;
    const { tenantId, sessionId } = phase.session;
    this.#deps.dispatch.remove(phase.session);
    this.#deps.closer.end({ tenantId, sessionId, reason });
  }

  async #register(message: DeviceRegister): Promise<void> {
    const registration = await registerDevice({ ...this.#deps, socket: this.#socket }, message);
    switch (registration.kind) {
      case "registered":
        return this.#begin(message, registration);
      case "invalid":
        return this.#socket.fault(registration.detail);
      case "refused":
        return this.#socket.refuse(registration);
      default:
        registration satisfies never;
    }
  }

  #begin(
    message: DeviceRegister,
    registration: Extract<Awaited<ReturnType<typeof registerDevice>>, { kind: "registered" }>,
  ): void {
    const { deviceKey, bootId } = message;
    const { principal, deviceId, sessionId, maxInFlight, pairing } = registration;
    const drain = message.drains === true ? "asked" : "no";
    const { tenantId } = principal;
    const { dispatch, closer } = this.#deps;
    // The connection may have ended meanwhile. Nobody else knows of the session.
    if (this.#phase.kind === "ended") return closer.end({ tenantId, sessionId, reason: "disconnected" });
    const socket = this.#socket;
    const session: DeviceSession = {
      tenantId,
      deviceKey,
      deviceId,
      sessionId,
      bootId,
      maxInFlight,
      sent: new Map(),
      drain,
      heldBack: new Map(),
      socket,
      confirmation: "awaited",
      pairingUntil: pairing?.expiresAt ?? null,
    };
    const report = createDeviceProgress(this.#deps, session);
    this.#phase = { kind: "registered", session, opened: principal, claim: claimOf(message), report };
    socket.admit(principal);
    socket.send({ type: "device.registered", deviceId, sessionId, heartbeatMs: DEVICE_HEARTBEAT_MS });
    if (pairing !== null) {
      const expiresAt = new Date(pairing.expiresAt).toISOString();
      socket.send({ type: "device.pairing", code: pairing.code, expiresAt });
    }
    dispatch.add(session);
  }

  async #handleRegistered(phase: Registered, message: DeviceMessage): Promise<void> {
    const { session, report } = phase;
    const { results } = this.#deps;
    switch (message.type) {
      case "ping":
        return this.#socket.send({ type: "pong" });
      case "auth.refresh":
        return this.#refresh(phase, message.token);
      case "tool.accepted":
        return results.accepted(session, message.callId);
      case "tool.progress":
        // Too much progress is left out in silence. Progress that can never pass is an error of the tool's author.
        if (report(message) === "too_large") {
          this.#sendError("payload_too_large", "The progress is too large and was left out.", message.callId);
        }
        return;
      case "tool.result": {
        const { callId } = message;
        const taken = await results.take(session, message);
        if (taken.kind === "refused") return this.#sendError(taken.code, taken.detail, callId);
        return this.#socket.send({ type: "tool.result.ack", callId, duplicate: taken.duplicate });
      }
      case "device.drain":
        return this.#drain(session);
      case "device.register":
        return this.#socket.fault("This connection is registered already; open another one to register anew.");
      default:
        message satisfies never;
    }
  }

  async #refresh({ session, opened, claim }: Registered, token: string): Promise<void> {
    const { tenantId, deviceKey } = session;
    const admission = await admit(this.#deps, token, { ...deviceRequirement(deviceKey, this.#socket.from), tenantId });
    if (admission.kind === "admitted") {
      const fault = renewalFault(opened, claim, admission.principal);
      return fault === null ? this.#socket.admit(admission.principal) : this.#socket.refuse(refuse("forbidden", fault));
    }
    const { code } = admission;
    if (!ERRORS[code].retryable) return this.#socket.refuse(admission);
    // The old token is good until it expires, so the device has time to try again.
    this.#sendError(code, "The token could not be checked; send it again.");
  }

  /** The answer comes from the dispatch, once nothing new can be on its way any more. */
  async #drain(session: DeviceSession): Promise<void> {
    if (session.drain === "no") session.drain = "asked";
    const { tenantId, sessionId } = session;
    try {
      await this.#deps.store.forTenant(tenantId).drainDeviceSession({ sessionId });
    } catch (error) {
      // Other devices then wait a moment for this one. The promise to this device needs no store.
      if (!(error instanceof StoreUnavailable)) throw error;
    }
    this.#deps.dispatch.look(session);
  }

  #sendError(code: ErrorCode, message: string, callId?: string): void {
    this.#socket.send({ type: "error", code, message, callId });
  }
}
