import type { TrustedProxies } from "../../access/client-address.ts";
import type { Authenticate } from "../../access/authenticate.ts";
import type { UseCaseDeps } from "../../control/use-case-deps.ts";
import type { FollowHub } from "../../follow/follow-hub.ts";
import type { LoopTurns } from "../../runtime/loop-turns.ts";
import type { RequestLimits } from "./request-limits.ts";

/** What the HTTP edge works with: the deps of use cases, and what is its own. */
export interface EdgeDeps extends UseCaseDeps {
  readonly authenticate: Authenticate;
  readonly gatewayId: string;
  /** Lets who starts a run follow it on the same response. */
  readonly hub: Pick<FollowHub, "follow">;
  /** Origins of browser pages elsewhere that may use this gateway. */
  readonly allowedOrigins: readonly string[];
  /** What counts requests, and slows down those who make too many. */
  readonly limits: RequestLimits;
  /** Shares the event loop between tenants. */
  readonly turns: LoopTurns;
  /** Whether a request may name the gateway so. */
  readonly isHostAllowed: (host: string | undefined) => boolean;
  /** Whether every cookie is for TLS only. On loopback it is so only for a request that came by TLS. */
  readonly isCookieSecure: boolean;
  /** Proxies that are trusted to say how a request came to them. */
  readonly trustedProxies: TrustedProxies;
  /** What signs in the person who runs the gateway, at a page of their own machine; null: they enter a key. */
  readonly localCredential: string | null;
  /** What this gateway needs and lacks to serve well, for people; null: nothing. */
  readonly readiness: () => Promise<string | null>;
  /** The metrics in the text format of Prometheus; null: they are served elsewhere. */
  readonly metricsText: (() => Promise<string>) | null;
  /** What a reader of the metrics must send; null: anybody reads them. */
  readonly metricsKey: string | null;
}
