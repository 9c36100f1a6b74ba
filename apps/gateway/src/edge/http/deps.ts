import type { Authenticate } from "../../access/authenticate.ts";
import type { UseCaseDeps } from "../../control/use-case-deps.ts";
import type { RequestLimits } from "./request-limits.ts";

/** What the HTTP edge works with: the deps of use cases, and what is its own. */
export interface EdgeDeps extends UseCaseDeps {
  readonly authenticate: Authenticate;
  /** Origins of browser pages elsewhere that may use this gateway. */
  readonly allowedOrigins: readonly string[];
  /** What counts requests, and slows down those who make too many. */
  readonly limits: RequestLimits;
  /** Whether cookies are for TLS only. False on loopback, where there is none. */
  readonly isCookieSecure: boolean;
  /** What this gateway needs and lacks to serve well, for people; null: nothing. */
  readonly readiness: () => Promise<string | null>;
  /** The metrics in the text format of Prometheus. */
  readonly metricsText: () => Promise<string>;
}
