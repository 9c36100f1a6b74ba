import type { TokenSecrets } from "../access/browser-token.ts";
import type { Bell } from "../ports/bell.ts";
import type { Clock } from "../ports/clock.ts";
import type { JsonSchemas } from "../ports/json-schemas.ts";
import type { ModelPrices } from "../core/priced-usage.ts";
import type { SecretBox } from "../ports/secret-box.ts";
import type { RateLimits } from "../runtime/rate-limits.ts";
import type { StoreGeneration } from "../runtime/store-generation.ts";
import type { TenantQuotas } from "../runtime/tenant-quotas.ts";
import type { Store } from "../ports/store.ts";

/** What all use cases together take as their `deps`. Each asks for the part that it needs. */
export interface UseCaseDeps {
  readonly store: Store;
  readonly bell: Bell;
  readonly clock: Clock;
  readonly schemas: JsonSchemas;
  readonly secretBox: SecretBox;
  readonly quotas: TenantQuotas;
  /** What models cost. */
  readonly prices: ModelPrices;
  /** Counts wrong pairing codes. */
  readonly pairingTries: Pick<RateLimits, "take" | "giveBack">;
  /** Sign and check browser tokens. */
  readonly tokenSecrets: TokenSecrets;
  /** Which generation of the store this gateway works in. */
  readonly generation: Pick<StoreGeneration, "present">;
}
