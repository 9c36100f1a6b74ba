import type { Bell } from "../ports/bell.ts";
import type { Clock } from "../ports/clock.ts";
import type { JsonSchemas } from "../ports/json-schemas.ts";
import type { Store } from "../ports/store.ts";

/** What all use cases together take as their `deps`. Each asks for the part that it needs. */
export interface UseCaseDeps {
  readonly store: Store;
  readonly bell: Bell;
  readonly clock: Clock;
  readonly schemas: JsonSchemas;
  /** Signs browser tokens. */
  readonly tokenSecret: Uint8Array;
}
