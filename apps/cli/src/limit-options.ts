import type { StartLimits } from "@hsafa/protocol";
import type { CliCommand } from "./cli-command.ts";
import { readAmount } from "./read-amount.ts";
import { readCount } from "./read-count.ts";

/** What the options of a command that makes a run say about its limits. */
export interface LimitOptions {
  readonly maxSteps?: number;
  readonly limitTokens?: number;
  readonly limitCostUsd?: number;
  readonly limitWallTimeMs?: number;
  readonly limitToolCalls?: number;
  readonly limitMaxDepth?: number;
}

/** Adds the options that narrow what the new run may use. */
export function limitOptions(command: CliCommand): CliCommand {
  return command
    .option("--max-steps <count>", "steps that it may take, fewer than its agent's", readCount)
    .option("--limit-tokens <count>", "tokens that it may use", readCount)
    .option("--limit-cost-usd <amount>", "US dollars that it may cost, by the gateway's prices", readAmount)
    .option("--limit-wall-time-ms <ms>", "how long it may take, with everything that it waits for", readCount)
    .option("--limit-tool-calls <count>", "tool calls that its model may ask for", readAmount)
    .option("--limit-max-depth <levels>", "how deep children may be below it; 0: it may have none", readAmount);
}

/** The limits that the options name; nothing if they name none. */
export function limitsOf(options: LimitOptions): { readonly limits?: StartLimits } {
  const named = [
    ["maxSteps", options.maxSteps],
    ["tokens", options.limitTokens],
    ["costUsd", options.limitCostUsd],
    ["wallTimeMs", options.limitWallTimeMs],
    ["toolCalls", options.limitToolCalls],
    ["maxDepth", options.limitMaxDepth],
  ].filter(([, value]) => value !== undefined);
  return named.length === 0 ? {} : { limits: Object.fromEntries(named) as StartLimits };
}
