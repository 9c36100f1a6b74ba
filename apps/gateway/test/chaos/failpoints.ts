import type { EventType, FactType } from "@hsafa/protocol";
import type { Bell, Ring } from "../../src/ports/bell.ts";
import type { Commit, FleetStore } from "../../src/ports/fleet-store.ts";
import type { LiveLog, TenantLiveLog } from "../../src/ports/live-log.ts";
import type { Store } from "../../src/ports/store.ts";
import type { FileStore, FileStores } from "../../src/ports/file-store.ts";
import type { TenantStore } from "../../src/ports/tenant-store.ts";
import { type CommitMeaning, meaningOf, meaningsOf, type StartMeaning, type StartParams } from "./meanings.ts";

type StoreMethod = keyof FleetStore | keyof TenantStore;
type ChunkMethod = Exclude<keyof FileStore, "name">;
type Write =
  | Exclude<StoreMethod, "commit">
  | `${ChunkMethod} of a file`
  | `startRun of ${StartMeaning}`
  | "startRun that may bear"
  | `commit of ${FactType | CommitMeaning}`
  | `publish of ${EventType}`
  | `ring about ${Ring["about"]}`;
/** A point before or after a write. */
export type Failpoint = `${"before" | "after"} ${Write}`;

/**
 * The points between two writes at which a gateway may die. A point is before a write is called, or after it was done
 * and before its caller has the result. The next action of a chain is then missing: commit -> publish -> perform,
 * markSent -> send, submitToolResult -> acknowledge, enqueueInput -> ring.
 */
export const FAILPOINTS = [
  // A run begins: its row -> the response -> the ring.
  "before startRun",
  "after startRun",
  // A run is born: its row with its lease and its open step -> the response and the model's answer.
  "before startRun that may bear",
  "after startRun that may bear",
  "before startRun of a fork",
  "after startRun of a fork",
  // The claim -> the load -> the first commit.
  "after claimRuns",
  "after loadRun",
  // Each fact: decided -> committed -> published -> performed.
  "before commit of run.started",
  "after commit of run.started",
  "after commit of step.started",
  "after publish of step.started",
  "before commit of step.completed",
  "after commit of step.completed",
  "after publish of step.completed",
  "after commit of tool.dispatched",
  "after publish of tool.dispatched",
  "before commit of tool.completed",
  "after commit of tool.completed",
  "after commit of run.waiting",
  "after publish of run.waiting",
  "after commit of run.resumed",
  "before commit of run.completed",
  "after commit of run.completed",
  "after publish of run.completed",
  // Deltas: positioned -> in the live log -> in Postgres -> acknowledged.
  "before publish of text.delta",
  "after publish of text.delta",
  "before appendDeltas",
  "after appendDeltas",
  // A call: its row -> marked as sent -> sent -> its result as an input -> acknowledged -> the ring.
  "before markSent",
  "after markSent",
  "after markAccepted",
  "before submitToolResult",
  "after submitToolResult",
  "before ring about run",
  "before ring about device",
  // A device: registered -> acknowledged.
  "after registerDevices",
  // An input from outside, or of a lost device: the input -> the response -> the ring.
  "before enqueueInput",
  "after enqueueInput",
  // Its consequences: a message, a call that must be approved.
  "before commit of message.user",
  "after commit of message.user",
  "after publish of message.user",
  "after commit of tool.awaiting_approval",
  "before commit of tool.approved",
  "after commit of tool.approved",
  "after commit of tool.denied",
  // A child: the agent is read -> the call and the child in one commit -> both rings. Its end and the parent's input
  // are one commit too -> the ring -> the parent's facts.
  "after readAgents",
  "before commit of tool.dispatched",
  "before commit of child.ended",
  "after commit of child.ended",
  "after publish of child.ended",
  "before commit of a child's start",
  "after commit of a child's start",
  "before commit of a child's end",
  "after commit of a child's end",
  // A steer: the run that waits, with an input for the active one -> the response -> both end as one, in one commit.
  "before startRun of a steer",
  "after startRun of a steer",
  "before commit of a steer",
  "after commit of a steer",
  "after publish of run.merged",
  // A sleep: the call with its time -> the lease is given back -> a claim at that time -> the waking.
  "before commit of a sleep",
  "after commit of a sleep",
  "before commit of a waking",
  "after commit of a waking",
  // The end by a limit, also of a run that waits -> its calls are told.
  "before commit of an end by a limit",
  "after commit of an end by a limit",
  "after publish of run.failed",
  // The deletion of a thread: the thread with the cancels of its runs -> the response -> the rings -> their ends.
  "before deleteThread",
  "after deleteThread",
  "before commit of run.canceled",
  "after commit of run.canceled",
  "after publish of run.canceled",
  // An upload: its row -> its chunks -> it is a file -> the response. A run uses it: the use -> the run's row.
  "before beginFile",
  "after beginFile",
  "before putChunk of a file",
  "after putChunk of a file",
  "before completeFile",
  "after completeFile",
  "before useFiles",
  "after useFiles",
  // The end of a file: nobody finds it -> a sweep takes it -> its chunks go -> its row goes.
  "before deleteFile",
  "after deleteFile",
  "before remove of a file",
  "after remove of a file",
  "after forgetFiles",
  // The lease.
  "before renewLeases",
  "after renewLeases",
] as const satisfies readonly Failpoint[];

/** Called at each point, with the arguments before a write and with the result after it. */
type Pass = (point: string, about: unknown) => void;

interface Services {
  readonly store: Store;
  readonly liveLog: LiveLog;
  readonly bell: Bell;
  readonly files: FileStores;
}

/** Wraps a gateway's services so that `pass` is called at each point. */
export function withFailpoints(services: Services, pass: Pass): Services {
  const { store, liveLog, bell, files } = services;
  const chunksIn = (place: FileStore): FileStore => around(place, pass, (method) => [`${method} of a file`]);
  const fleet: FleetStore = around(store.fleet, pass, (method, [params]) =>
    method === "commit" ? namesOfCommit(params as Commit) : [method],
  );
  return {
    store: {
      fleet,
      forTenant: (tenantId): TenantStore =>
        around(store.forTenant(tenantId), pass, (method, [params]) =>
          method === "startRun" ? namesOfStart(params as StartParams) : [method],
        ),
      files: chunksIn(store.files),
      check: () => store.check(),
      close: () => store.close(),
    },
    files: {
      current: chunksIn(files.current),
      named(name) {
        const place = files.named(name);
        return place === null ? null : chunksIn(place);
      },
    },
    liveLog: {
      enter: (tag) => liveLog.enter(tag),
      forTenant: (tenantId) =>
        around(liveLog.forTenant(tenantId), pass, (method, [params]) =>
          method === "append"
            ? (params as Parameters<TenantLiveLog["append"]>[0]).records.map(({ type }) => `publish of ${type}`)
            : [],
        ),
      check: () => liveLog.check(),
      close: () => liveLog.close(),
    },
    bell: {
      ring(ring) {
        pass(`before ring about ${ring.about}`, ring);
        bell.ring(ring);
      },
      listen: (listener) => bell.listen(listener),
      close: () => bell.close(),
    },
  };
}

function namesOfStart(params: StartParams): readonly string[] {
  const meaning = meaningOf(params);
  if (meaning !== null) return [`startRun of ${meaning}`];
  return (params.offer ?? null) === null ? ["startRun"] : ["startRun", "startRun that may bear"];
}

function namesOfCommit(commit: Commit): readonly string[] {
  return [...commit.facts.map(({ type }) => type), ...meaningsOf(commit)].map((what) => `commit of ${what}`);
}

/** Wraps a port: `pass` is called before each method and after its result. */
function around<Port extends object>(
  port: Port,
  pass: Pass,
  namesOf: (method: string, args: readonly unknown[]) => readonly string[],
): Port {
  return new Proxy(port, {
    get(target, method) {
      const member: unknown = Reflect.get(target, method);
      if (typeof member !== "function" || typeof method === "symbol") return member;
      return (...args: unknown[]): unknown => {
        const names = namesOf(method, args);
        for (const name of names) pass(`before ${name}`, args);
        const answer: unknown = Reflect.apply(member, target, args);
        if (names.length === 0 || !(answer instanceof Promise)) return answer;
        return answer.then((value: unknown) => {
          for (const name of names) pass(`after ${name}`, value);
          return value;
        });
      };
    },
  });
}
