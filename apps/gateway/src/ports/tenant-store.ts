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

export interface PageParams {
  readonly limit: number;
  /**
   * What an earlier page answered as `nextCursor`; one that is none of ours starts nowhere and answers an empty page.
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
  /** Another input was accepted under the same dedupe key. */
  | { readonly kind: "conflict" }
  | { readonly kind: "not_found" }
  | { readonly kind: "ended"; readonly status: RunStatus }
  /** An approval, and its call awaits none (any more). */
  | { readonly kind: "call_not_awaiting"; readonly callStatus: ToolCallStatus }
  /** As many inputs wait as `inboxMaxFor` allows. A cancel has places of its own. */
  | { readonly kind: "inbox_full" };

export type SubmitResultOutcome =
  | { readonly kind: "accepted"; readonly runId: string }
  /** The very same result was accepted before, whatever became of the run since. */
  | { readonly kind: "duplicate"; readonly runId: string }
  /** Another result was accepted, or the call was settled otherwise (expired, denied, canceled). */
  | { readonly kind: "conflict"; readonly status: ToolCallStatus }
  /** No such call here, or (for a device) not one that was sent to it, or (over HTTP) not of this run. */
  | { readonly kind: "not_found" }
  /** The call is not out: it awaits an approval. */
  | { readonly kind: "not_dispatched" }
  | { readonly kind: "inbox_full" };

export interface RegisteredDevice {
  readonly deviceId: string;
  readonly sessionId: string;
}

/**
 * One tenant's store. Every statement names the tenant; a foreign id looks exactly like a missing one (R10). Ids given
 * here have the shape of ids.
 */
export interface TenantStore {
  // Agents

  /**
   * Finds the version with this hash or makes it (and the agent); promotes it if asked. The same config again changes
   * nothing but, if asked, the promotion.
   */
  pushAgent(params: {
    readonly name: string;
    readonly description: string | null;
    readonly version: string | null;
    /** As pushed. */
    readonly config: JsonObject;
    readonly configHash: string;
    readonly promote: boolean;
  }): Promise<PushedAgent>;
  listAgents(params: PageParams): Promise<Page<Agent>>;
  findAgent(params: { readonly idOrName: string }): Promise<Agent | null>;
  /** Newest first; null when there is no such agent. */
  listVersions(params: { readonly idOrName: string } & PageParams): Promise<Page<AgentVersion> | null>;
  findVersion(params: { readonly idOrName: string; readonly versionId: string }): Promise<AgentVersion | null>;
  promoteVersion(params: { readonly idOrName: string; readonly versionId: string }): Promise<Agent | null>;

  // Runs

  /**
   * One commit: the run's row (queued, due now or at its turn in the thread), the facts `run.created` and one
   * `message.user` per entry of `messages`, from seq 1. `threadId` is an id of a thread or a client's own key, which
   * finds or makes its thread.
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
  /** Newest first. `agent` is an id or a name. */
  listRuns(
    params: PageParams & {
      readonly status: RunStatus | undefined;
      readonly agent: string | undefined;
      readonly threadId: string | undefined;
    },
  ): Promise<Page<Run>>;
  /** Where a run stands, for whoever wants to follow it; null when there is none. */
  readTail(params: {
    readonly runId: string;
  }): Promise<{ readonly status: RunStatus; readonly lastSeq: number } | null>;
  /**
   * Events after a position in order; with `factsOnly`, facts alone. Bounded by `limit` records and by
   * `EVENTS_PAGE_BYTES_MAX` (at least one record).
   */
  readEvents(params: {
    readonly runId: string;
    readonly after: Position;
    readonly limit: number;
    readonly factsOnly: boolean;
  }): Promise<readonly EventRecord[]>;
  /**
   * Leaves an input and wakes the run, in one statement. A dedupe key makes the same input count once, also after the
   * run's end. Never accepts an approval that a commit in flight has made too late; one of a call that is not the run's
   * is not found.
   */
  enqueueInput(params: {
    readonly runId: string;
    readonly input: Exclude<OutsideInput, { kind: "tool_result" }>;
    readonly dedupe: { readonly key: string; readonly bodyHash: string } | null;
  }): Promise<EnqueueInputOutcome>;
  /**
   * The first result of a call wins (R7). `from` a device: only one the call was sent to. Never accepts a result that a
   * commit in flight has made too late.
   */
  submitToolResult(params: {
    readonly callId: string;
    readonly outcome: ToolOutcome;
    /** Of the canonical JSON of the outcome. */
    readonly bodyHash: string;
    readonly from:
      | { readonly kind: "device"; readonly deviceId: string }
      | { readonly kind: "http"; readonly runId: string };
  }): Promise<SubmitResultOutcome>;
  findCall(params: { readonly callId: string }): Promise<ToolCall | null>;
  listCallsOfRun(params: { readonly runId: string } & PageParams): Promise<Page<ToolCall> | null>;
  /** Newest first. */
  listCalls(
    params: PageParams & {
      readonly toolName: string | undefined;
      readonly deviceId: string | undefined;
      readonly status: ToolCallStatus | undefined;
    },
  ): Promise<Page<ToolCall>>;

  // Threads

  /** The same key finds the same thread. */
  createThread(params: {
    readonly threadId: string;
    readonly key: string | null;
    readonly metadata: JsonObject;
  }): Promise<{ readonly thread: Thread; readonly created: boolean }>;
  /** By id, or by the client's own key. */
  findThread(params: { readonly idOrKey: string }): Promise<Thread | null>;
  /** The thread's runs in the order of their turns. */
  listThreadRuns(
    params: { readonly threadId: string } & PageParams,
  ): Promise<Page<{ readonly runId: string; readonly status: RunStatus }>>;

  // Devices

  /** Makes or updates the device and opens a session; an open session of the same device is ended as `replaced`. */
  registerDevice(params: {
    readonly gatewayId: string;
    readonly deviceKey: string;
    readonly displayName: string | null;
    readonly platform: string | null;
    readonly labels: Readonly<Record<string, string>>;
    readonly tools: readonly DeviceTool[];
    readonly bootId: string;
    readonly maxInFlight: number;
  }): Promise<RegisteredDevice>;
  endDeviceSession(params: { readonly sessionId: string; readonly reason: string }): Promise<void>;
  /**
   * Records, before it is sent, that this attempt goes to this session's device: true when it may be sent. False when
   * the call is settled, stands at another attempt, was sent to another device or boot, or the session is no longer the
   * device's own.
   */
  markSent(params: { readonly callId: string; readonly attempt: number; readonly sessionId: string }): Promise<boolean>;
  markAccepted(params: { readonly callId: string; readonly deviceId: string }): Promise<void>;
  listDevices(params: PageParams): Promise<Page<Device>>;
  /** With its sessions, newest first, at most `SESSIONS_PER_DEVICE_SHOWN`. */
  findDevice(params: { readonly deviceId: string }): Promise<DeviceDetail | null>;
  /** Forgets a device and ends its session; its past calls keep its id. False when there is none. */
  deleteDevice(params: { readonly deviceId: string }): Promise<boolean>;
}
