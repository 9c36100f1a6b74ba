import type { Authenticate } from "../../access/authenticate.ts";
import type { Bell } from "../../ports/bell.ts";
import type { Clock } from "../../ports/clock.ts";
import type { JsonSchemas } from "../../ports/json-schemas.ts";
import type { Store } from "../../ports/store.ts";

/** What the HTTP edge is given by the wiring. */
export interface EdgeDeps {
  readonly store: Store;
  readonly bell: Bell;
  readonly clock: Clock;
  readonly schemas: JsonSchemas;
  readonly authenticate: Authenticate;
  /** Signs browser tokens. */
  readonly tokenSecret: Uint8Array;
  /** Origins of browser pages elsewhere that may talk to this gateway. */
  readonly allowedOrigins: readonly string[];
  /** Whether cookies are for TLS only: beyond loopback. */
  readonly isCookieSecure: boolean;
  /** Null when everything this gateway rests on answers, else what does not. */
  readonly readiness: () => Promise<string | null>;
  /** The metrics in the text format of Prometheus. */
  readonly metricsText: () => Promise<string>;
}
