import type { StartLimits } from "@hsafa/protocol";
import { type AgentTerms, widenedLimits } from "../core/granted-limits.ts";
import type { ModelPrices } from "../core/priced-usage.ts";
import type { StartFault } from "../ports/tenant-store.ts";

/** What is wrong with the limits that a start asks for. It may only narrow what its agent allows. */
export function startFaults(
  terms: AgentTerms,
  asked: StartLimits | undefined,
  prices: ModelPrices,
): readonly StartFault[] {
  const widened = widenedLimits(terms, asked ?? {}).map(({ name, allowed }) => ({
    path: `limits.${name}`,
    message: `is more than the agent allows, which is ${allowed}; a start only narrows the limits of its agent`,
  }));
  const isOfAgent = terms.limits?.costUsd !== undefined;
  const unpriced =
    isOfAgent || asked?.costUsd !== undefined
      ? costFaults({ model: terms.model, path: isOfAgent ? "agent" : "limits.costUsd", prices })
      : [];
  return [...widened, ...unpriced];
}

/** What is wrong with a limit on the cost of this model. `path`: where it stands. */
export function costFaults(params: {
  readonly model: string;
  readonly path: string;
  readonly prices: ModelPrices;
}): readonly StartFault[] {
  const { model, path, prices } = params;
  if (prices.has(model)) return [];
  const subject = path === "agent" ? "has a limit 'costUsd', and" : "cannot be kept:";
  const message = `${subject} the gateway has no price of '${model}'; an operator sets it in HSAFA_MODEL_PRICES`;
  return [{ path, message }];
}
