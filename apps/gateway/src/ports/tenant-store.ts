import type {
  Agent,
  AgentVersion,
  AuditAction,
  AuditEntry,
  Device,
  DeviceDetail,
  DeviceTool,
  InputMessage,
  JsonObject,
  Page,
  Position,
  PushedAgent,
  QuotaName,
  Run,
  RunScope,
  RunStatus,
  Secret,
  StartLimits,
  StartPolicy,
  Thread,
  ToolCall,
  ToolCallStatus,
  UserMessage,
} from "@hsafa/protocol";
import type { EventRecord } from "../core/event-record.ts";
import type { OutsideInput, ToolOutcome } from "../core/input.ts";
import type { TenantUsage } from "../core/quotas.ts";
import type { AgentTerms } from "../core/granted-limits.ts";
import type { Act } from "./act.ts";
import type { Generation } from "./generation.ts";
import type { RunStarter, StarterOfRun } from "./run-starter.ts";
import type { SessionStanding } from "./session-standing.ts";
import type { TenantKeys } from "./tenant-keys.ts";

/**
 * A page ends at `limit` items, or with the item by which it has `PAGE_BYTES_MAX` bytes. The store reads no more than
 * these bytes either.
 */
export interface PageParams {
  readonly limit: number;
  /**
   * The `nextCursor` of the page before; undefined: the first page. A cursor that no page gave returns an empty page.
   */
  readonly cursor: string | undefined;
}

/** Whose rows are listed: a user's; null: the tenant's own; undefined: all. */
export type SubjectFilter = string | null | undefined;

/** An idempotency key, and whose it is. */
export interface IdempotencyKey {
  readonly key: string;
  readonly owner: string;
  /** Whether it finds the run of a key from before owners were kept. */
  readonly orUnowned: boolean;
}

/** The properties of a run that decide who sees it. */
export interface RunBounds {
  readonly id: string;
  readonly threadId: string | null;
  readonly deviceKey: string | null;
  readonly subject: string | null;
}

/** Where a run stands, read at one moment. */
export interface RunTail {
  readonly status: RunStatus;
  readonly lastSeq: number;
  /** The last fact that it had when the generation began, or an earlier one; null: it was not open then. */
  readonly keptSeq: number | null;
  readonly generation: Generation;
}

export type StartOutcome =
  /** `created: false`: the idempotency key found the run that an earlier request made. */
  | {
      readonly kind: "started";
      readonly runId: string;
      readonly status: RunStatus;
      readonly created: boolean;
      /** The runs that got an input by it. */
      readonly told: readonly string[];
    }
  /** This run of the thread is active, and the policy of the start is to be refused then. */
  | { readonly kind: "thread_busy"; readonly runId: string }
  | { readonly kind: "agent_not_found" }
  | { readonly kind: "version_not_found" }
  | { readonly kind: "thread_not_found" }
  /** `admit` refused. */
  | { readonly kind: "not_admitted"; readonly faults: readonly StartFault[] }
  | { readonly kind: "idempotency_conflict" };

/** What a start may not have of its agent, and where the request or the config says so. */
export interface StartFault {
  readonly path: string;
  readonly message: string;
}

export type EnqueueInputOutcome =
  | { readonly kind: "accepted"; readonly status: RunStatus }
  /** The same input (by its dedupe key and body hash) was accepted before. */
  | { readonly kind: "duplicate"; readonly status: RunStatus }
  /** Another input was accepted before under the same dedupe key. */
  | { readonly kind: "conflict" }
  | { readonly kind: "not_found" }
  | { readonly kind: "ended"; readonly status: RunStatus }
  /** The input is an approval, and its call awaits none, or no longer. */
  | { readonly kind: "call_not_awaiting"; readonly callStatus: ToolCallStatus }
  /** As many inputs or bytes wait as `hasInboxRoom` allows for this kind. */
  | { readonly kind: "inbox_full" }
  /** The input is a message, and with it the run would have taken more than `RUN_MESSAGES_BYTES_MAX` of them. */
  | { readonly kind: "messages_full" };

export type SubmitResultOutcome =
  | { readonly kind: "accepted"; readonly runId: string }
  /** The same result was accepted before, whatever became of the run since. */
  | { readonly kind: "duplicate"; readonly runId: string }
  /** Another result was accepted, or the call was settled without one (expired, denied, canceled). */
  | { readonly kind: "conflict"; readonly status: ToolCallStatus }
  /** There is no such call. Or it was not sent to this device, or is not of this run. */
  | { readonly kind: "not_found" }
  /** The call is not out: it awaits an approval, or executes on the server. */
  | { readonly kind: "not_dispatched" }
  | { readonly kind: "inbox_full" };

export type PutSecretOutcome =
  | { readonly kind: "put"; readonly secret: Secret; readonly created: boolean }
  /** The tenant has as many secrets as it may have. */
  | { readonly kind: "full" };

export type BranchOutcome =
  | { readonly kind: "thread"; readonly thread: Thread; readonly created: boolean }
  /** There is no such run on a thread. */
  | { readonly kind: "not_found" }
  | { readonly kind: "not_ended"; readonly status: RunStatus }
  /** The run has left no messages, since they have entered another one. */
  | { readonly kind: "merged" }
  /** Another thread has the key. */
  | { readonly kind: "key_taken" }
  /** The thread is a branch of a branch of as many as `THREAD_ANCESTORS_MAX`. */
  | { readonly kind: "too_deep" };

export interface RegisteredDevice {
  readonly deviceId: string;
  readonly sessionId: string;
  /** Whether the session takes no calls until it is paired. */
  readonly awaitsPairing: boolean;
}

/**
 * One tenant's store. Every statement names the tenant, and a foreign id looks exactly like a missing one (R10). Ids in
 * parameters have the shape of ids, except for call ids. Lists are newest first unless said otherwise. Reads return
 * null for what is not there.
 */
export interface TenantStore extends TenantKeys {
  // Agents

  /**
   * Finds the version with this hash, or makes it and its agent. With `promote` it becomes the agent's current version.
   * A config that is known changes nothing but that.
   */
  pushAgent(
    params: Act & {
      readonly name: string;
      readonly description: string | null;
      readonly version: string | null;
      /** As pushed, without defaults. */
      readonly config: JsonObject;
      readonly configHash: string;
      readonly promote: boolean;
    },
  ): Promise<PushedAgent>;
  listAgents(params: PageParams): Promise<Page<Agent>>;
  findAgent(params: { readonly idOrName: string }): Promise<Agent | null>;
  /** Returns null when there is no such agent. */
  listVersions(params: { readonly idOrName: string } & PageParams): Promise<Page<AgentVersion> | null>;
  findVersion(params: { readonly idOrName: string; readonly versionId: string }): Promise<AgentVersion | null>;
  /** Makes the version the agent's current one. Returns the agent; null when it has no such version. */
  promoteVersion(params: Act & { readonly idOrName: string; readonly versionId: string }): Promise<Agent | null>;

  // Runs

  /**
   * Writes a run with its `firstFacts`, all or nothing.
   *
   * 1. The run is queued. It is due at once, or when its turn in the thread comes.
   * 2. `threadId` is the id of a thread, or a client's own key, which finds or makes a thread of the subject.
   * 3. Of any number of requests with one idempotency key one makes the run. The others find it, or are told of a
   *    conflict if their body has another hash. The key of another owner is another key.
   * 4. In a thread with a subject, the run has that subject.
   * 5. `admit` is asked with what the version's config says of its runs, before anything is written. A run that an
   *    idempotency key found is not asked about.
   * 6. What `planStart` says of the open runs of the thread is done with it, all or nothing. Their cancels are acts. A
   *    run that is steered gets the messages as an input, if its inbox has room.
   */
  startRun(
    params: Act & {
      readonly runId: string;
      readonly agent: string;
      readonly versionId: string | undefined;
      readonly threadId: string | undefined;
      readonly policy: StartPolicy;
      readonly earlier: readonly InputMessage[];
      readonly messages: readonly UserMessage[];
      readonly deviceKey: string | null;
      readonly metadata: JsonObject;
      /** What the start narrows; undefined: nothing. */
      readonly limits: StartLimits | undefined;
      /** What the start adds to its agent for this run. */
      readonly scope?: RunScope;
      readonly admit: (terms: AgentTerms) => readonly StartFault[];
      /** The user of the tenant whose run it is; null: the tenant's own. */
      readonly subject: string | null;
      readonly startedBy: RunStarter;
      readonly idempotency: (IdempotencyKey & { readonly bodyHash: string }) | null;
    },
  ): Promise<StartOutcome>;
  findRun(params: { readonly runId: string }): Promise<Run | null>;
  /** Reads only what decides who sees the run. */
  findRunBounds(params: { readonly runId: string }): Promise<RunBounds | null>;
  /** Returns who started a run, and whose it is. */
  findStarter(params: { readonly runId: string }): Promise<StarterOfRun | null>;
  /** `agent` is an id or a name, `threadId` an id, or a key of the subject (undefined: of no user). */
  listRuns(
    params: PageParams & {
      readonly status: RunStatus | undefined;
      readonly agent: string | undefined;
      readonly threadId: string | undefined;
      readonly subject: SubjectFilter;
    },
  ): Promise<Page<Run>>;
  /** Returns where a run stands, for its followers. */
  readTail(params: { readonly runId: string }): Promise<RunTail | null>;
  /**
   * Returns events after a position, in order; with `factsOnly` only facts. A page ends at `limit` records, or at
   * `EVENTS_PAGE_BYTES_MAX` after at least one record.
   */
  readEvents(params: {
    readonly runId: string;
    readonly after: Position;
    readonly limit: number;
    readonly factsOnly: boolean;
  }): Promise<readonly EventRecord[]>;
  /**
   * Puts an input into the run's inbox, all or nothing.
   *
   * 1. A run that nobody holds becomes due. A run that waits for its turn in a thread becomes due by a cancel alone.
   * 2. With a dedupe key the same input counts once, also after the end of the run. Nothing else follows from the key.
   * 3. An approval is never accepted that a commit in flight has made too late, nor after `until` by the store's time,
   *    in ms. An approval of another run's call is `not_found`.
   * 4. A cancel and an approval are acts, and other inputs are none.
   */
  enqueueInput(
    params: Act & {
      readonly runId: string;
      readonly input: Exclude<OutsideInput, { kind: "tool_result" | "steer" }>;
      readonly dedupe: { readonly key: string; readonly bodyHash: string } | null;
      readonly until?: number;
    },
  ): Promise<EnqueueInputOutcome>;
  /**
   * Accepts the first result of a call, and puts it into the run's inbox (R7). A device gives results only for calls
   * that were sent to it. A result is never accepted that a commit in flight has made too late.
   */
  submitToolResult(params: {
    readonly callId: string;
    readonly outcome: ToolOutcome;
    /** The hash of the outcome's canonical JSON. */
    readonly bodyHash: string;
    readonly from:
      | { readonly kind: "device"; readonly deviceId: string }
      | { readonly kind: "http"; readonly runId: string };
  }): Promise<SubmitResultOutcome>;
  findCall(params: { readonly callId: string }): Promise<ToolCall | null>;
  /** Oldest first. Returns null when there is no such run. */
  listCallsOfRun(params: { readonly runId: string } & PageParams): Promise<Page<ToolCall> | null>;
  listCalls(
    params: PageParams & {
      readonly toolName: string | undefined;
      readonly deviceId: string | undefined;
      readonly status: ToolCallStatus | undefined;
      /** Of the call's run. */
      readonly subject: SubjectFilter;
    },
  ): Promise<Page<ToolCall>>;

  // Threads

  /** Finds the subject's thread with this key, or makes it. Without a key it makes one. */
  createThread(params: {
    readonly threadId: string;
    readonly key: string | null;
    readonly subject: string | null;
    readonly title?: string | null;
    readonly metadata: JsonObject;
  }): Promise<{ readonly thread: Thread; readonly created: boolean }>;
  /**
   * Makes a thread that goes on from the end of a run of another thread, whose rows stay as they are. With a key that
   * is known it finds that thread, if it is a branch of the same run.
   */
  branchThread(params: {
    readonly threadId: string;
    readonly runId: string;
    readonly key: string | null;
    readonly subject: string | null;
    readonly title: string | null;
    readonly metadata: JsonObject;
  }): Promise<BranchOutcome>;
  /** Gives a thread a title; null takes it away. Returns null when there is no such thread. */
  renameThread(params: { readonly threadId: string; readonly title: string | null }): Promise<Thread | null>;
  /**
   * Deletes a thread. Nobody finds it from then on, no run starts on it, and its key is free. Its open runs are asked
   * to cancel, all or nothing. A sweep removes it with its runs. Returns the runs that got a cancel by it; null when
   * there is no such thread.
   */
  deleteThread(params: Act & { readonly threadId: string }): Promise<readonly string[] | null>;
  /** Finds a thread by its id, also that of another subject, or else by its key among the subject's threads. */
  findThread(params: { readonly idOrKey: string; readonly subject: string | null }): Promise<Thread | null>;
  listThreads(params: PageParams & { readonly subject: SubjectFilter }): Promise<Page<Thread>>;
  /**
   * Returns the runs whose messages stand in the thread, in the order of their turns. Those of the threads from which
   * it goes on come first. Runs that were merged are not among them.
   */
  listThreadRuns(
    params: { readonly threadId: string } & PageParams,
  ): Promise<Page<{ readonly runId: string; readonly status: RunStatus }>>;

  // Secrets

  /** Makes a secret, or gives it another value. A new one is refused once the tenant has `SECRETS_PER_TENANT_MAX`. */
  putSecret(
    params: Act & {
      /** The id of a new secret. */
      readonly secretId: string;
      readonly name: string;
      /** The value as a `SecretBox` has sealed it. */
      readonly sealed: string;
      readonly setBy: string;
    },
  ): Promise<PutSecretOutcome>;
  /** Returns the name of the tenant and the sealed value; null for a secret that is not there. */
  readSecret(params: {
    readonly name: string;
  }): Promise<{ readonly tenantName: string; readonly sealed: string | null }>;
  /** Lists the secrets without their values. */
  listSecrets(params: PageParams): Promise<Page<Secret>>;
  /** Returns false when there is no such secret. */
  deleteSecret(params: Act & { readonly name: string }): Promise<boolean>;

  // Devices

  /**
   * Makes or updates the device and opens a session. An open session of the same device is ended as `replaced`: a
   * device has one open session at most. The caller chooses the id of the session, so that it can end one that was
   * opened without its learning of it.
   *
   * A device belongs to the owner that registered it last. Another owner gets null and changes nothing, unless it
   * `mayTakeOver`. Only a change of its owner is an act. The device of a key that is revoked or has expired goes to the
   * next key that registers it.
   */
  registerDevice(
    params: Act & {
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
    },
  ): Promise<RegisteredDevice | null>;
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
   * Records that the device was heard on this session's connection after it had registered there. Only an open session
   * is confirmed; the first time counts.
   */
  confirmDeviceSession(params: { readonly sessionId: string }): Promise<void>;
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

  // Audit

  /**
   * Lists acts, newest first. The store says when each was done. Nobody changes an entry, and only an operator's
   * pruning removes one.
   */
  listAudit(
    params: PageParams & {
      readonly action?: AuditAction | undefined;
      readonly subject?: string | undefined;
      readonly keyId?: string | undefined;
      /** In ms; entries of this time are included. */
      readonly since?: number | undefined;
      /** In ms; entries of this time are not included. */
      readonly until?: number | undefined;
    },
  ): Promise<Page<AuditEntry>>;

  // Quotas

  /**
   * Returns what the tenant has, as of one moment, and the limits that were set for it. It takes as long for a tenant
   * with millions of runs. The tokens are those that models reported since midnight in UTC.
   */
  readUsage(): Promise<TenantUsage>;
  /** Sets limits of the tenant; null takes one away. The others stay. */
  setLimits(params: Act & { readonly limits: { readonly [Name in QuotaName]?: number | null } }): Promise<void>;
  /**
   * Whether this device, thread or version is there, this run (by its idempotency key), or this input of a run (by its
   * dedupe key). To make it again takes no room.
   */
  knows(
    what:
      | { readonly kind: "device"; readonly key: string }
      | { readonly kind: "thread"; readonly key: string; readonly subject: string | null }
      | ({ readonly kind: "run" } & IdempotencyKey)
      | { readonly kind: "input"; readonly runId: string; readonly key: string }
      | { readonly kind: "version"; readonly agent: string; readonly configHash: string },
  ): Promise<boolean>;
}
