import type { EventType, FactType } from "@hsafa/protocol";
import type { Bell, Ring } from "../../src/ports/bell.ts";
import type { Commit, FleetStore } from "../../src/ports/fleet-store.ts";
import type { LiveLog, TenantLiveLog } from "../../src/ports/live-log.ts";
import type { Store } from "../../src/ports/store.ts";
import type { TenantStore } from "../../src/ports/tenant-store.ts";

type StoreMethod = keyof FleetStore | keyof TenantStore;
type Write =
  | Exclude<StoreMethod, "commit">
  | `commit of ${FactType}`
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
  "after registerDevice",
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
  // The lease.
  "before renewLeases",
  "after renewLeases",
] as const satisfies readonly Failpoint[];

/** Called at each point, with the arguments before a write and with the result after it. */
type Pass = (point: string, about: unknown) => void;

/** Wraps a gateway's services so that `pass` is called at each point. */
export function withFailpoints(
  services: { readonly store: Store; readonly liveLog: LiveLog; readonly bell: Bell },
  pass: Pass,
): { readonly store: Store; readonly liveLog: LiveLog; readonly bell: Bell } {
  const { store, liveLog, bell } = services;
  const fleet: FleetStore = around(store.fleet, pass, (method, [params]) =>
    method === "commit" ? (params as Commit).facts.map(({ type }) => `commit of ${type}`) : [method],
  );
  return {
    store: {
      fleet,
      forTenant: (tenantId): TenantStore => around(store.forTenant(tenantId), pass, (method) => [method]),
      check: () => store.check(),
      close: () => store.close(),
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
