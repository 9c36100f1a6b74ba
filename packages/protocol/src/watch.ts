import type { AuthRefresh, Ping } from "./device-message.ts";
import type { RunEvent, StreamRewoundEvent, ToolProgressEvent } from "./event.ts";

/** The newest run of a thread. */
export interface NewestRun {
  readonly runId: string;
}

/** Any message from a client on `WS /api/watch`, which follows several runs on one connection. */
export type WatchMessage =
  /** The first message. */
  | { readonly type: "auth"; readonly token: string }
  | AuthRefresh
  /**
   * Follow a run or a thread; exactly one is named. `runId`: its events come from the one after `after`, or from the
   * first. `threadId`, an id or the thread's own key: each newest run of it is told.
   */
  | { readonly type: "subscribe"; readonly runId?: string; readonly after?: string; readonly threadId?: string }
  | { readonly type: "unsubscribe"; readonly runId?: string; readonly threadId?: string }
  | Ping;

/** Any message from a gateway on `WS /api/watch`. Run events travel exactly as in the SSE `data` field. */
export type WatchAnswer =
  | { readonly type: "authenticated" }
  | { readonly type: "subscribed"; readonly runId: string }
  | { readonly type: "subscribed"; readonly threadId: string }
  /** `threadId`: as it was subscribed to. Of several runs that begin at once, the last one may be told alone. */
  | ({ readonly type: "thread.run"; readonly threadId: string } & NewestRun)
  /** The run's last event has been sent. */
  | { readonly type: "ended"; readonly runId: string }
  /** The response to a `ping`. */
  | { readonly type: "pong" }
  /** A message was not taken. `runId`, `threadId`: what the message was about. */
  | {
      readonly type: "error";
      readonly runId?: string;
      readonly threadId?: string;
      readonly code: string;
      readonly message: string;
    }
  | RunEvent
  | ToolProgressEvent
  | StreamRewoundEvent;
