import type { AuthRefresh, Ping } from "./device-message.ts";
import type { RunEvent, ToolProgressEvent } from "./event.ts";

/** Any message from a client on `WS /api/watch`, which follows several runs on one connection. */
export type WatchMessage =
  /** The first message. */
  | { readonly type: "auth"; readonly token: string }
  | AuthRefresh
  /** Follow a run from the event after the position `after`, or from its first event. */
  | { readonly type: "subscribe"; readonly runId: string; readonly after?: string }
  | { readonly type: "unsubscribe"; readonly runId: string }
  | Ping;

/** Any message from a gateway on `WS /api/watch`. Run events travel exactly as in the SSE `data` field. */
export type WatchAnswer =
  | { readonly type: "authenticated" }
  | { readonly type: "subscribed"; readonly runId: string }
  /** The run's last event has been sent. */
  | { readonly type: "ended"; readonly runId: string }
  /** The response to a `ping`. */
  | { readonly type: "pong" }
  /** A message was not taken. `runId`: the run that the message was about. */
  | { readonly type: "error"; readonly runId?: string; readonly code: string; readonly message: string }
  | RunEvent
  | ToolProgressEvent;
