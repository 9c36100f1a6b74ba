import type { Device, DeviceDetail, DeviceTool, Page } from "@hsafa/protocol";
import type { Act } from "./act.ts";
import type { PageParams } from "./page-params.ts";
import type { SessionStanding } from "./session-standing.ts";
import type { SubjectFilter } from "./subject-filter.ts";

export interface RegisteredDevice {
  readonly deviceId: string;
  readonly sessionId: string;
  /** Whether the session takes no calls until it is paired. */
  readonly awaitsPairing: boolean;
}

/** A device that registers, with the session that it opens. */
export interface Registration extends Act {
  /** Chosen by the caller, so that it can end a session that was opened without its learning of it. */
  readonly sessionId: string;
  readonly gatewayId: string;
  readonly deviceKey: string;
  readonly displayName: string | null;
  readonly platform: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly tools: readonly DeviceTool[];
  readonly bootId: string;
  readonly maxInFlight: number;
  /** The name of the key behind the credential. It tells the owner of a device that has no `ownerId` yet. */
  readonly owner: string;
  /** `key:` with the id of a key, or `subject:` with a user of the tenant. */
  readonly ownerId: string;
  readonly subject: string | null;
  /** The run and the thread that the credential names. The session takes no call of others. */
  readonly onlyRunId: string | null;
  readonly onlyThreadId: string | null;
  readonly mayTakeOver: boolean;
  /** Whether the device may take calls that are addressed to any device. */
  readonly isPooled: boolean;
  /** By this code the session is paired, unless its device was paired for this owner; left out: it need not be. */
  readonly pairing?: { readonly code: string; readonly expiresInMs: number };
}

export type RegistrationOutcome =
  | ({ readonly kind: "registered" } & RegisteredDevice)
  /** The device belongs to somebody else, and nothing was changed. */
  | { readonly kind: "not_owner" }
  /** Nothing was changed, unless the error is `StoreUnavailable`: then nobody knows. */
  | { readonly kind: "failed"; readonly error: unknown };

/** The devices of one tenant, and their sessions. */
export interface TenantDevices {
  /**
   * Makes or updates devices and opens a session for each. An open session of the same device is ended as `replaced`: a
   * device has one open session at most. Returns an outcome for each registration, in their order. What becomes of one
   * does not depend on the others. If it rejects, nobody knows of any of them.
   *
   * A device belongs to the owner that registered it last. Another owner changes nothing, unless it `mayTakeOver`. Only
   * a change of its owner is an act. The device of a key that is revoked or has expired goes to the next key that
   * registers it.
   */
  registerDevices(registrations: readonly Registration[]): Promise<readonly RegistrationOutcome[]>;
  /**
   * Pairs the device whose session shows this code, and lets the session take calls. The device is remembered as paired
   * as long as it has this owner. Null: no open session shows it, or it has expired, or the device is not of
   * this subject. An undefined subject stands for all.
   */
  pairDevice(
    params: Act & { readonly code: string; readonly subject: string | null | undefined },
  ): Promise<{ readonly deviceId: string; readonly deviceKey: string } | null>;
  /** Returns how many other devices await their pairing; 0 for a device that is paired for this owner. */
  countPendingPairings(params: { readonly deviceKey: string; readonly ownerId: string }): Promise<number>;
  /**
   * Records that devices were heard on the connections of these sessions after they had registered there. Only an open
   * session is confirmed; the first time counts.
   */
  confirmDeviceSessions(params: { readonly sessionIds: readonly string[] }): Promise<void>;
  /** Returns where a session stands among those of its device, as of one moment. */
  readSessionStanding(params: { readonly sessionId: string; readonly deviceId: string }): Promise<SessionStanding>;
  /** Records that an open session takes no new call. */
  drainDeviceSession(params: { readonly sessionId: string }): Promise<void>;
  /** Ends a session that is open; one that has ended stays as it is. */
  endDeviceSession(params: { readonly sessionId: string; readonly reason: string }): Promise<void>;
  /**
   * Records that this attempt of a call goes to this session's device. It is called before the call is sent, and
   * returns whether it may be sent. It may not when the session has ended, or when the call is settled, answered or at
   * another attempt. Nor may it when the call is overdue, was sent to another device or boot, or does not fit this
   * device. Nor may it when the call's run is none that the session may serve.
   */
  markSent(params: { readonly callId: string; readonly attempt: number; readonly sessionId: string }): Promise<boolean>;
  /** Records that a device has taken a call that was sent to it. The first time counts. */
  markAccepted(params: { readonly callId: string; readonly deviceId: string }): Promise<void>;
  listDevices(params: PageParams & { readonly subject: SubjectFilter }): Promise<Page<Device>>;
  /** Returns a device with its newest sessions, `SESSIONS_PER_DEVICE_SHOWN` at most. */
  findDevice(params: { readonly deviceId: string }): Promise<DeviceDetail | null>;
  /** Forgets a device and its sessions. Its past calls keep its id. Returns false when there is no such device. */
  deleteDevice(params: Act & { readonly deviceId: string }): Promise<boolean>;
}
