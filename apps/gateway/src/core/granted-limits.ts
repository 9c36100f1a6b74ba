import { type GrantedLimits, type RunLimits, type StartLimits, type StartPolicy, STEPS_DEFAULT } from "@hsafa/protocol";

/** The fields of a config that say what its runs may use, as pushed. */
export interface LimitTerms {
  readonly maxSteps?: number | undefined;
  readonly limits?: RunLimits | undefined;
}

/** What a start is admitted by: the model of a config, and what its runs may use. */
export interface AgentTerms extends LimitTerms {
  readonly model: string;
  /** What becomes of its starts that name no policy. */
  readonly policy?: StartPolicy | undefined;
  /** The names of its tools, those of its provider included, if the start names tools. */
  readonly toolNames?: readonly string[] | null;
}

const NAMES = ["maxSteps", "tokens", "costUsd", "wallTimeMs", "toolCalls", "maxDepth"] as const;

/** A limit of a run, by its name in its start. */
export type LimitName = (typeof NAMES)[number];

/** The limits that hold for a run of this config: of two that are named the smaller one. A start only narrows. */
export function grantedLimits(terms: LimitTerms, asked: StartLimits = {}): GrantedLimits {
  const allowed: StartLimits = { maxSteps: terms.maxSteps ?? STEPS_DEFAULT, ...terms.limits };
  return { maxSteps: STEPS_DEFAULT, ...narrowedLimits(allowed, asked) };
}

/** Of two limits of one name the smaller one. */
export function narrowedLimits(allowed: StartLimits, asked: StartLimits): StartLimits {
  const entries = NAMES.flatMap((name) => {
    const named = [allowed[name], asked[name]].filter((value) => value !== undefined);
    return named.length === 0 ? [] : [[name, Math.min(...named)] as const];
  });
  return Object.fromEntries(entries);
}

/** The limits that a start would widen, each with what its agent allows. */
export function widenedLimits(
  terms: LimitTerms,
  asked: StartLimits,
): readonly { readonly name: LimitName; readonly allowed: number }[] {
  const allowed: StartLimits = grantedLimits(terms);
  return NAMES.flatMap((name) => {
    const [most, wanted] = [allowed[name], asked[name]];
    return most !== undefined && wanted !== undefined && wanted > most ? [{ name, allowed: most }] : [];
  });
}
