import type { Refusal } from "./refusal.ts";

/** How the connection stands or ended, as far as the provider's package cannot tell. */
export type WireEnd =
  /** No response has come, or its stream goes on. */
  | { readonly kind: "open" }
  | { readonly kind: "refused"; readonly refusal: Refusal }
  /** The stream ended before the answer was finished; `error`: what broke it, or null. */
  | { readonly kind: "torn"; readonly error: unknown }
  /** A response came that is no answer in the provider's API. `said`: its first words. */
  | { readonly kind: "foreign"; readonly said: string }
  | { readonly kind: "finished" };
