import type { Bell } from "../ports/bell.ts";
import type { Clock } from "../ports/clock.ts";
import type { FleetStore } from "../ports/fleet-store.ts";
import type { JsonSchemas } from "../ports/json-schemas.ts";
import type { LiveLog } from "../ports/live-log.ts";
import type { LocalFeed } from "../ports/local-feed.ts";
import type { Log } from "../ports/log.ts";
import type { Model } from "../ports/model.ts";
import type { ServerTools } from "../ports/server-tools.ts";

/** The ports and settings of one gateway's engine. */
export interface EngineDeps {
  readonly gatewayId: string;
  readonly leaseDurationMs: number;
  /** Whether no other gateway can use this store. */
  readonly isOnlyGateway: boolean;
  readonly store: FleetStore;
  readonly liveLog: LiveLog;
  readonly bell: Bell;
  readonly localFeed: LocalFeed;
  readonly clock: Clock;
  readonly model: Model;
  readonly serverTools: ServerTools;
  readonly schemas: JsonSchemas;
  readonly log: Log;
}
