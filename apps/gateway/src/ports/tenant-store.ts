import type {
  Agent,
  AgentVersion,
  AuditAction,
  AuditEntry,
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
  ToolCall,
  ToolCallStatus,
  UserMessage,
} from "@hsafa/protocol";
import type { EventRecord } from "../core/event-record.ts";
import type { Fork } from "../core/first-facts.ts";
import type { OutsideInput, ToolOutcome } from "../core/input.ts";
import type { TenantUsage } from "../core/quotas.ts";
import type { AgentTerms } from "../core/granted-limits.ts";
import type { LeftToAgent } from "../core/plan-start.ts";
import type { Act } from "./act.ts";
import type { Generation } from "./generation.ts";
import type { HoldOffer, StartOffer, TakenRun } from "./hold-offer.ts";
import type { PageParams } from "./page-params.ts";
import type { RunBounds } from "./run-bounds.ts";
import type { RunStarter, StarterOfRun } from "./run-starter.ts";
import type { SubjectFilter } from "./subject-filter.ts";
import type { TenantFiles } from "./tenant-files.ts";
import type { TenantKeys } from "./tenant-keys.ts";
import type { TenantDevices } from "./tenant-devices.ts";
import type { TenantThreads } from "./tenant-threads.ts";

/** An idempotency key, and whose it is. */
export interface IdempotencyKey {
  readonly key: string;
  readonly owner: string;
  /** Whether it finds the run of a key from before owners were kept. */
  readonly orUnowned: boolean;
}

/** Where a run stands, read at one moment. */
export interface RunTail {
  readonly status: RunStatus;
  readonly lastSeq: number;
  /** The last fact that it had when the generation began, or an earlier one; null: it was not open then. */
  readonly keptSeq: number | null;
  readonly generation: Generation;
}

export type { PageParams } from "./page-params.ts";
export type { RunBounds } from "./run-bounds.ts";
export type { SubjectFilter } from "./subject-filter.ts";

/** Which run is forked, and what the new one takes over. */
export interface ForkOfRun extends Fork {
  /** The id of the thread that is made for it; null: the run that is forked is on none. */
  readonly threadId: string | null;
}

export type StartOutcome =
  /** `created: false`: the idempotency key found the run that an earlier request made. */
  | {
      readonly kind: "started";
      readonly runId: string;
      readonly status: RunStatus;
      readonly created: boolean;
      /** Whether it was made under the offer, and has its lease. */
      readonly isHeld: boolean;
      /** The runs that got an input by it. */
      readonly told: readonly string[];
    }
  /** This run of the thread is active, and the policy of the start is to be refused then. */
  | { readonly kind: "thread_busy"; readonly runId: string }
  | { readonly kind: "agent_not_found" }
  | { readonly kind: "version_not_found" }
  | { readonly kind: "thread_not_found" }
  /** The run that is to be forked is gone, or its thread is deleted. */
  | { readonly kind: "origin_not_found" }
  /** The thread of the run that is to be forked is a branch of a branch of as many as `THREAD_ANCESTORS_MAX`. */
  | { readonly kind: "too_deep" }
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
  /** `taken`: the run is held under the offer from now on; null: it is due, or held already. */
  | { readonly kind: "accepted"; readonly runId: string; readonly taken: TakenRun | null }
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

/**
 * One tenant's store. Every statement names the tenant, and a foreign id looks exactly like a missing one (R10). Ids in
 * parameters have the shape of ids, except for call ids. Lists are newest first unless said otherwise. Reads return
 * null for what is not there.
 */
export interface TenantStore extends TenantDevices, TenantFiles, TenantKeys, TenantThreads {
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
   * 7. A fork of a run on a thread gets a thread of its own, all or nothing. It is a branch that goes on from before
   *    the turn of that run. A fork names no thread itself.
   * 8. With an `offer` the run may be born with its lease. `offer.begin` says how it begins, and that is written with
   *    the first facts, all or nothing. It is as if the offering gateway had claimed the run, under epoch 1, and had
   *    committed those facts. Only a run that is due at once is born so, and only on a server of which `claimRuns`
   *    would take it. Any other is queued. A fork is.
   */
  startRun(
    params: Act & {
      readonly runId: string;
      readonly agent: string;
      readonly versionId: string | undefined;
      readonly threadId: string | undefined;
      readonly policy: StartPolicy;
      /** Given if the start names no policy: then that of its agent counts (`policyOf`). */
      readonly leftToAgent?: LeftToAgent | undefined;
      readonly earlier: readonly InputMessage[];
      readonly messages: readonly UserMessage[];
      readonly deviceKey: string | null;
      readonly metadata: JsonObject;
      /** What the start narrows; undefined: nothing. */
      readonly limits: StartLimits | undefined;
      /** What the start adds to its agent for this run. */
      readonly scope?: RunScope;
      readonly fork?: ForkOfRun | null;
      readonly admit: (terms: AgentTerms) => readonly StartFault[];
      /** The user of the tenant whose run it is; null: the tenant's own. */
      readonly subject: string | null;
      readonly startedBy: RunStarter;
      readonly idempotency: (IdempotencyKey & { readonly bodyHash: string }) | null;
      /** Null: the run is queued. */
      readonly offer?: StartOffer | null;
    },
  ): Promise<StartOutcome>;
  /** Finds the run that was started under this idempotency key, and the hash of what was asked for. */
  findStart(
    key: IdempotencyKey,
  ): Promise<{ readonly runId: string; readonly status: RunStatus; readonly bodyHash: string | null } | null>;
  findRun(params: { readonly runId: string }): Promise<Run | null>;
  /** Reads only what decides who sees the run. */
  findRunBounds(params: { readonly runId: string }): Promise<RunBounds | null>;
  /** Returns who started a run, and whose it is. */
  findStarter(params: { readonly runId: string }): Promise<StarterOfRun | null>;
  /**
   * Returns runs, newest first by their ids. `agent` is an id or a name, and `device` an id or a key. `threadId` is an
   * id, or a key of the subject (undefined: of no user).
   */
  listRuns(
    params: PageParams & {
      readonly status: RunStatus | undefined;
      readonly agent: string | undefined;
      readonly threadId: string | undefined;
      /** The run whose children are listed. */
      readonly parentRunId?: string | undefined;
      readonly subject: SubjectFilter;
      /** The run whose forks are listed. */
      readonly forkedFrom?: string | undefined;
      /** The version of an agent. */
      readonly versionId?: string | undefined;
      /** Runs with a call that this device has answered or has been sent. */
      readonly device?: string | undefined;
      /** In ms, by the times in their ids: those of `since` and later, and those before `until`. */
      readonly since?: number | undefined;
      readonly until?: number | undefined;
      /**
       * Runs whose metadata has this text, as JSON and without regard to the case of ASCII letters. For one page
       * `SEARCHED_RUNS_MAX` runs are looked at. So a page may be short, and even empty, and yet have a cursor.
       */
      readonly metadataText?: string | undefined;
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
  /** Returns events before a position, newest first; null: from the run's end. A page ends as one of `readEvents`. */
  readEventsBefore(params: {
    readonly runId: string;
    readonly before: Position | null;
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
   *
   * With an `offer`, a run that is parked is claimed by the same statement, under its next epoch. That does not count
   * as a lost lease. A run on its last chance is left to a claim, and so is every run that `claimRuns` would not take.
   */
  submitToolResult(params: {
    readonly callId: string;
    readonly outcome: ToolOutcome;
    /** The hash of the outcome's canonical JSON. */
    readonly bodyHash: string;
    readonly from:
      | { readonly kind: "device"; readonly deviceId: string }
      | { readonly kind: "http"; readonly runId: string };
    /** Null: nobody offers to hold the run. */
    readonly offer?: HoldOffer | null;
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
