import type { LeftOut, Message, ProviderOptions } from "@hsafa/protocol";
import type { Origin } from "./origin.ts";
import type { Turn } from "./turn.ts";

/** Who is spoken to. */
export interface Listener {
  readonly origin: Origin;
  /** The model's own name, without the provider. */
  readonly modelId: string;
  readonly hasTools: boolean;
  /** The names of the tools that the provider executes itself in this call. */
  readonly providerTools: readonly string[];
  /** The agent's options for this call. */
  readonly providerOptions: ProviderOptions;
}

/** A conversation in the form that a provider takes, and what that form leaves out. */
export interface Said {
  readonly messages: Message[];
  readonly leftOut: readonly LeftOut[];
}

/**
 * How one kind of provider is spoken to.
 *
 * Whatever the conversation is, what `say` returns keeps the provider's rules. It is pure. The rules of each provider
 * stand in docs/providers.md, and once more as checks in test/support/dialect-rules.
 */
export interface Dialect {
  readonly name: string;
  readonly say: (turns: readonly Turn[], listener: Listener) => Said;
  /** Options that the form rests on. Those of the agent win. */
  readonly options?: ProviderOptions;
}
