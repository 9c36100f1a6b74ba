import type {
  Agent,
  AgentVersion,
  Device,
  DeviceDetail,
  DeviceTool,
  InputMessage,
  JsonObject,
  Page,
  Position,
  PushedAgent,
  Run,
  RunStatus,
  Thread,
  ToolCall,
  ToolCallStatus,
  UserMessage,
} from "@hsafa/protocol";
import type { EventRecord } from "../core/event-record.ts";
import type { OutsideInput, ToolOutcome } from "../core/input.ts";
import type { SessionStanding } from "./session-standing.ts";

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

export type StartOutcome =
  /** `created: false`: the idempotency key found the run that an earlier request made. */
  | { readonly kind: "started"; readonly runId: string; readonly status: RunStatus; readonly created: boolean }
  | { readonly kind: "agent_not_found" }
  | { readonly kind: "version_not_found" }
  | { readonly kind: "thread_not_found" }
  | { readonly kind: "idempotency_conflict" };

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
  /** As many inputs wait as `inboxMaxFor` allows for this kind. */
  | { readonly kind: "inbox_full" };

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

export interface RegisteredDevice {
  readonly deviceId: string;
  readonly sessionId: string;
}

/**
 * One tenant's store. Every statement names the tenant, and a foreign id looks exactly like a missing one (R10). Ids in
 * parameters have the shape of ids, except for call ids. Lists are newest first unless said otherwise. Reads return
 * null for what is not there.
 */
export interface TenantStore {
  // Agents

  /**
   * Finds the version with this hash, or makes it and its agent. With `promote` it becomes the agent's current version.
   * A config that is known changes nothing but that.
   */
  pushAgent(params: {
    readonly name: string;
    readonly description: string | null;
    readonly version: string | null;
    /** As pushed, without defaults. */
    readonly config: JsonObject;
    readonly configHash: string;
    readonly promote: boolean;
  }): Promise<PushedAgent>;
  listAgents(params: PageParams): Promise<Page<Agent>>;
  findAgent(params: { readonly idOrName: string }): Promise<Agent | null>;
  /** Returns null when there is no such agent. */
  listVersions(params: { readonly idOrName: string } & PageParams): Promise<Page<AgentVersion> | null>;
  findVersion(params: { readonly idOrName: string; readonly versionId: string }): Promise<AgentVersion | null>;
  /** Makes the version the agent's current one. Returns the agent; null when it has no such version. */
  promoteVersion(params: { readonly idOrName: string; readonly versionId: string }): Promise<Agent | null>;

  // Runs

  /**
   * Writes a run with its `firstFacts`, all or nothing.
   *
   * 1. The run is queued. It is due at once, or when its turn in the thread comes.
   * 2. `threadId` is the id of a thread, or a client's own key, which finds or makes its thread.
   * 3. Of any number of requests with one idempotency key one makes the run. The others find it, or are told of a
   *    conflict if their body has another hash.
   */
  startRun(params: {
    readonly runId: string;
    readonly agent: string;
    readonly versionId: string | undefined;
    readonly threadId: string | undefined;
    readonly earlier: readonly InputMessage[];
    readonly messages: readonly UserMessage[];
    readonly deviceKey: string | null;
    readonly metadata: JsonObject;
    readonly idempotency: { readonly key: string; readonly bodyHash: string } | null;
  }): Promise<StartOutcome>;
  findRun(params: { readonly runId: string }): Promise<Run | null>;
  /** `agent` is an id or a name, `threadId` an id or a key. */
  listRuns(
    params: PageParams & {
      readonly status: RunStatus | undefined;
      readonly agent: string | undefined;
      readonly threadId: string | undefined;
    },
  ): Promise<Page<Run>>;
  /** Returns where a run stands, for its followers. */
  readTail(params: {
    readonly runId: string;
  }): Promise<{ readonly status: RunStatus; readonly lastSeq: number } | null>;
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
   * 3. An approval is never accepted that a commit in flight has made too late. An approval of another run's call is
   *    `not_found`.
   */
  enqueueInput(params: {
    readonly runId: string;
    readonly input: Exclude<OutsideInput, { kind: "tool_result" }>;
    readonly dedupe: { readonly key: string; readonly bodyHash: string } | null;
  }): Promise<EnqueueInputOutcome>;
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
    },
  ): Promise<Page<ToolCall>>;

  // Threads

  /** Finds the thread with this key, or makes it. Without a key it makes one. */
  createThread(params: {
    readonly threadId: string;
    readonly key: string | null;
    readonly metadata: JsonObject;
  }): Promise<{ readonly thread: Thread; readonly created: boolean }>;
  /** Finds a thread by its id, or else by the client's own key. */
  findThread(params: { readonly idOrKey: string }): Promise<Thread | null>;
  /** Returns the thread's runs in the order of their turns. */
  listThreadRuns(
    params: { readonly threadId: string } & PageParams,
  ): Promise<Page<{ readonly runId: string; readonly status: RunStatus }>>;

  // Devices

  /**
   * Makes or updates the device and opens a session. An open session of the same device is ended as `replaced`: a
   * device has one open session at most. The caller chooses the id of the session, so that it can end one that was
   * opened without its learning of it.
   */
  registerDevice(params: {
    readonly sessionId: string;
    readonly gatewayId: string;
    readonly deviceKey: string;
    readonly displayName: string | null;
    readonly platform: string | null;
    readonly labels: Readonly<Record<string, string>>;
    readonly tools: readonly DeviceTool[];
    readonly bootId: string;
    readonly maxInFlight: number;
  }): Promise<RegisteredDevice>;
  /**
   * Records that the device was heard on this session's connection after it had registered there. Only an open session
   * is confirmed; the first time counts.
   */
  confirmDeviceSession(params: { readonly sessionId: string }): Promise<void>;
  /** Returns where a session stands among those of its device, as of one moment. */
  readSessionStanding(params: { readonly sessionId: string; readonly deviceId: string }): Promise<SessionStanding>;
  /** Ends a session that is open; one that has ended stays as it is. */
  endDeviceSession(params: { readonly sessionId: string; readonly reason: string }): Promise<void>;
  /**
   * Records that this attempt of a call goes to this session's device. It is called before the call is sent, and
   * returns whether it may be sent. It may not when the session has ended, or when the call is settled, answered or at
   * another attempt. Nor may it when the call was sent to another device or boot, or does not fit this device.
   */
  markSent(params: { readonly callId: string; readonly attempt: number; readonly sessionId: string }): Promise<boolean>;
  /** Records that a device has taken a call that was sent to it. The first time counts. */
  markAccepted(params: { readonly callId: string; readonly deviceId: string }): Promise<void>;
  listDevices(params: PageParams): Promise<Page<Device>>;
  /** Returns a device with its newest sessions, `SESSIONS_PER_DEVICE_SHOWN` at most. */
  findDevice(params: { readonly deviceId: string }): Promise<DeviceDetail | null>;
  /** Forgets a device and its sessions. Its past calls keep its id. Returns false when there is no such device. */
  deleteDevice(params: { readonly deviceId: string }): Promise<boolean>;
}
