/**
 * A run with an `outputSchema` ends with an object: the JSON that its model wrote as its answer.
 *
 * 1. An answer that is not such an object is no end. The model is told why, and is asked again.
 * 2. That is done so often at most (`OUTPUT_REPAIRS_MAX`), and each time is a step of the run. Then the run fails.
 */
import type { Failure } from "@hsafa/protocol";
import { OUTPUT_REPAIRS_MAX } from "./limits.ts";
import { isOutOfSteps } from "./reached-limit.ts";
import type { RunBody } from "./run-state.ts";
import { unfitAnswer } from "./transcript.ts";

/** Why a run ends whose last answer does not fit, and which asks for no other one (2.); null: it does not end so. */
export function outputInvalid(run: RunBody): Failure | null {
  const fault = unfitAnswer(run.transcript);
  if (fault === null || (run.outputFaults <= OUTPUT_REPAIRS_MAX && !isOutOfSteps(run))) return null;
  const { outputFaults } = run;
  const tries = outputFaults === 1 ? "one answer" : `${outputFaults} answers`;
  const message = `The model gave ${tries}, and none fits the output schema. Of the last one: ${fault}.`;
  return { code: "output_invalid", message, data: { answers: outputFaults, fault } };
}
