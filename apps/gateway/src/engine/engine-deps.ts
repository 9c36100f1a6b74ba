import type { Bell } from "../ports/bell.ts";
import type { ModelPrices } from "../core/priced-usage.ts";
import type { Clock } from "../ports/clock.ts";
import type { FileStores } from "../ports/file-store.ts";
import type { FleetStore } from "../ports/fleet-store.ts";
import type { JsonSchemas } from "../ports/json-schemas.ts";
import type { LiveLog } from "../ports/live-log.ts";
import type { LocalFeed } from "../ports/local-feed.ts";
import type { Log } from "../ports/log.ts";
import type { LoopTurns } from "../runtime/loop-turns.ts";
import type { FileLoading } from "./perform/load-files.ts";
import type { Model } from "../ports/model.ts";
import type { TenantQuotas } from "../runtime/tenant-quotas.ts";
import type { ServerTools } from "../ports/server-tools.ts";
import type { StoreGeneration } from "../runtime/store-generation.ts";

/** The ports and settings of one gateway's engine. */
export interface EngineDeps {
  readonly gatewayId: string;
  readonly leaseDurationMs: number;
  /** How many runs the gateway may hold at once. */
  readonly runsHeldMax: number;
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
  /** Shares the event loop between tenants. */
  readonly turns: Pick<LoopTurns, "take" | "seen" | "owes" | "charge">;
  readonly log: Log;
  readonly generation: Pick<StoreGeneration, "present" | "listen" | "report">;
  /** Hears the number of the last revocation with each heartbeat. */
  readonly revocations: { heard(number: number): void };
  readonly quotas: Pick<TenantQuotas, "lackAsRemembered">;
  readonly prices: ModelPrices;
  /** Keep the bytes of files. */
  readonly files: FileStores;
  readonly fileLoading: FileLoading;
}
