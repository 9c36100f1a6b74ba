import type { FactData, Failure } from "@hsafa/protocol";

/** What nobody knows of a call that was given to its executor. */
export const MAY_HAVE_HAPPENED = "The call may or may not have taken effect.";

/** What is known of a call that its run had not sent when it ended. */
export const NEVER_SENT = "The run ended before the call was sent. It was not executed.";

/** Why a call in the hands of its executor expires, as a sentence without its full stop. */
export const NO_ANSWER_IN_TIME = "The call expired: the tool did not answer in time";

/** Nobody knows whether the call took effect. `reason`: a sentence without its full stop. */
export function unknownError(reason: string): Failure {
  return { code: "outcome_unknown", message: `${reason}. ${MAY_HAVE_HAPPENED}` };
}

/** Why a call expired, as its fact says it. Records of earlier versions do not. */
export function expiryError({ error }: FactData["tool.expired"]): Failure {
  return error ?? unknownError(NO_ANSWER_IN_TIME);
}
