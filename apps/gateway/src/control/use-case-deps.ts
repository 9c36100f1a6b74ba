import type { TokenSecrets } from "../access/browser-token.ts";
import type { Bell } from "../ports/bell.ts";
import type { Places } from "../access/places.ts";
import type { Clock } from "../ports/clock.ts";
import type { FileStores } from "../ports/file-store.ts";
import type { JsonSchemas } from "../ports/json-schemas.ts";
import type { LinkedFiles } from "../ports/linked-files.ts";
import type { MediaTypes } from "../ports/media-types.ts";
import type { ModelPrices } from "../core/priced-usage.ts";
import type { SecretBox } from "../ports/secret-box.ts";
import type { LoopTurns } from "../runtime/loop-turns.ts";
import type { RateLimits } from "../runtime/rate-limits.ts";
import type { StoreGeneration } from "../runtime/store-generation.ts";
import type { TenantQuotas } from "../runtime/tenant-quotas.ts";
import type { Store } from "../ports/store.ts";
import type { Uptake } from "../ports/uptake.ts";

/** What all use cases together take as their `deps`. Each asks for the part that it needs. */
export interface UseCaseDeps {
  readonly store: Store;
  readonly bell: Bell;
  /** Takes runs up here at once, where this gateway has room. */
  readonly uptake: Uptake;
  readonly clock: Clock;
  /** Shares the event loop: what reads much waits for its tenant's turn. */
  readonly turns: Pick<LoopTurns, "take" | "charge">;
  readonly schemas: JsonSchemas;
  readonly secretBox: SecretBox;
  readonly quotas: TenantQuotas;
  /** Keep the bytes of files. */
  readonly files: FileStores;
  /** Each is for a file on its way in or out. */
  readonly filePlaces: Pick<Places, "take">;
  readonly mediaTypes: MediaTypes;
  readonly linkedFiles: LinkedFiles;
  /** What models cost. */
  readonly prices: ModelPrices;
  /** Counts wrong pairing codes. */
  readonly pairingTries: Pick<RateLimits, "take" | "giveBack">;
  /** Sign and check browser tokens. */
  readonly tokenSecrets: TokenSecrets;
  /** Which generation of the store this gateway works in. */
  readonly generation: Pick<StoreGeneration, "present">;
}
